import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib.figures import figure_html, image_grid, retrieval_gallery
from course_lib.figures.pictures import as_pictures

NAMES = ["cat face", "dog face", "pizza"]
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def texts_of(fig):
    return [text.get_text() for text in fig.axes[0].texts]


@pytest.mark.parametrize(
    "images",
    [
        PICTURES,
        PICTURES / 255,
        np.moveaxis(PICTURES, 3, 1),
        torch.from_numpy(PICTURES),
        torch.from_numpy(PICTURES).permute(0, 3, 1, 2).double() / 255,
    ],
)
def test_every_layout_gives_the_same_pictures(images):
    np.testing.assert_allclose(as_pictures(images), PICTURES / 255, rtol=1e-12)


def test_opacity_lets_the_white_page_through():
    clear = np.zeros((1, 2, 2, 4), dtype=np.uint8)
    assert (as_pictures(clear) == 1).all()
    clear[..., 3] = 255
    assert (as_pictures(clear) == 0).all()


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((32, 32, 3)), ValueError, r"images must have shape .* got \[32, 32, 3\]"),
        (np.zeros((0, 32, 32, 3)), ValueError, "images must have shape"),
        (np.full((3, 2, 2, 3), 255.0), ValueError, "images must lie between 0 and 1, got 255 to 255"),
        (np.full((3, 2, 2, 3), np.nan), ValueError, "images must lie between 0 and 1"),
        (np.zeros((3, 2, 2, 3), dtype=np.int64), TypeError, "images must be uint8 or floating, got int64"),
        (PICTURES[:2], ValueError, "images must hold 3 pictures, got 2"),
    ],
)
def test_what_is_no_picture_is_refused(images, error, message):
    with pytest.raises(error, match=message):
        image_grid(images, NAMES, title="Three")


def test_a_grid_shows_each_picture_over_its_caption():
    fig = image_grid(PICTURES, NAMES, title="Three emoji", columns=2)
    (axes,) = fig.axes
    assert len(axes.images) == 3
    assert texts_of(fig) == NAMES
    for image, text in zip(axes.images, axes.texts, strict=True):
        left, right, bottom, top = image.get_extent()
        x, y = text.get_position()
        assert left < x < right
        assert y > max(bottom, top)  # y runs down the page
    np.testing.assert_allclose(axes.images[1].get_array(), PICTURES[1] / 255)
    assert figure_html(fig, "Three pictures in two columns.")
    assert plt.get_fignums() == []


def test_answers_are_marked_right_or_wrong_in_their_order():
    found = [["dog face", "cat face"], ["dog face", "pizza"], ["cat face", "dog face"]]
    fig = retrieval_gallery(PICTURES, NAMES, found, title="What was found")
    texts = texts_of(fig)
    assert texts[:3] == ["query", "rank 1", "rank 2"]
    assert texts[3:] == [
        "cat face", "✗ dog face", "✓ cat face",
        "dog face", "✓ dog face", "✗ pizza",
        "pizza", "✗ cat face", "✗ dog face",
    ]  # fmt: skip
    assert len(fig.axes[0].images) == 3
    assert figure_html(fig, "Three queries and two answers to each.")


def test_long_names_are_wrapped_and_cut():
    name = "woman scientist with a medium-dark skin tone and a very long name indeed, truly"
    (text,) = texts_of(image_grid(PICTURES[:1], [name], title="One"))
    assert text.count("\n") == 2
    assert text.endswith("…")


@pytest.mark.parametrize("found", [[["a"]], [["a"], ["b", "c"], ["d"]], [[], [], []]])
def test_ragged_answers_are_refused(found):
    with pytest.raises(ValueError, match="retrieved must hold 3 rows of equally many names"):
        retrieval_gallery(PICTURES, NAMES, found, title="t")
