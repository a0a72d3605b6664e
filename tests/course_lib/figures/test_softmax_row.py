import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from course_lib import contrastive
from course_lib.figures import (
    SoftmaxState,
    describe_softmax,
    figure_html,
    read_softmax,
    softmax_example,
    softmax_figure,
)
from course_lib.figures.cell_text import CellTexts

PICTURES = np.full((5, 32, 32, 3), 200, dtype=np.uint8)


def written_numbers(axes):
    (cells,) = [artist for artist in axes.collections if isinstance(artist, CellTexts)]
    numbers = [float(text.replace("\N{MINUS SIGN}", "-")) for text in cells.texts]
    size = math.isqrt(len(numbers))
    return torch.tensor(numbers, dtype=torch.float64).reshape(size, size)


def texts_of(fig):
    return [text.get_text() for text in fig.findobj(lambda artist: hasattr(artist, "get_text"))]


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(3)
    draw = lambda: contrastive.l2_normalize(torch.randn(4, 6, generator=generator, dtype=torch.float64))  # noqa: E731
    return draw(), draw()


def test_three_panels_hold_the_references_numbers(features):
    images, texts = features
    state = SoftmaxState(contrastive.cosine_similarity(images, texts), 7.0)
    fig = softmax_figure(state)
    assert isinstance(fig, Figure)
    similarity, softmax, gradient = fig.axes
    logits = (images @ texts.T * 7.0).requires_grad_()
    torch.testing.assert_close(written_numbers(similarity), images @ texts.T, rtol=0, atol=0.0051)
    torch.testing.assert_close(written_numbers(softmax), logits.softmax(dim=1).detach(), rtol=0, atol=0.0051)
    target = torch.arange(4)
    loss = (
        torch.nn.functional.cross_entropy(logits, target)
        + torch.nn.functional.cross_entropy(logits.T, target)
    ) / 2
    loss.backward()
    torch.testing.assert_close(written_numbers(gradient), logits.grad, rtol=0, atol=0.00051)
    assert f"Loss {loss.item():.3f} (guessing: log 4 = 1.386) at logit scale 7" in texts_of(fig)


def test_loss_is_that_of_the_features(features):
    state = SoftmaxState(contrastive.cosine_similarity(*features), 20.0)
    assert state.loss == pytest.approx(contrastive.clip_loss(*features, 20.0).item(), rel=1e-12)


@settings(deadline=None)
@given(alignment=st.floats(-1, 1), scale=st.floats(1, 100), seed=st.integers(0, 50))
def test_example_aligns_every_pair_as_asked(alignment, scale, seed):
    state = softmax_example(scale, alignment, seed=seed)
    expected = torch.full((5,), alignment, dtype=torch.float64)
    torch.testing.assert_close(state.similarity.diagonal(), expected, rtol=0, atol=1e-12)
    assert state.similarity.abs().max() <= 1 + 1e-12
    torch.testing.assert_close(state.probabilities.sum(dim=1), torch.ones(5, dtype=torch.float64))


def test_the_same_seed_gives_the_same_example():
    assert torch.equal(softmax_example(seed=4).similarity, softmax_example(seed=4).similarity)
    assert not torch.equal(softmax_example(seed=4).similarity, softmax_example(seed=5).similarity)


def test_the_hardest_negative_is_the_likeliest_wrong_text():
    state = SoftmaxState(torch.tensor([[0.9, 0.1, 0.8], [0.2, 0.3, 0.1], [0.0, 0.1, 0.5]]), 5.0)
    first = state.hardest_negative(0)
    assert first.text == 2
    assert first.share == pytest.approx(state.probabilities[0, 2].item())
    assert state.hardest_negative(1).text == 0


@pytest.mark.parametrize(("scale", "size"), [(1.0, 2), (30.0, 6)])
def test_a_collapsed_batch_reads_as_guessing(scale, size):
    state = SoftmaxState(torch.ones(size, size), scale)
    expected = f"Loss {math.log(size):.3f} nats; guessing would be log {size} = {math.log(size):.3f}."
    assert read_softmax(state).startswith(expected)


def test_words_name_the_highlighted_pair_and_its_negative():
    state = SoftmaxState(torch.tensor([[0.9, 0.8], [0.1, 0.6]]), 10.0, captions=("cat", "dog"), highlighted=0)
    share = 1 / (1 + math.exp(-1))
    line = read_softmax(state)
    assert f"Image “cat”: its own text gets {100 * share:.1f} %" in line
    assert f"its hardest negative, “dog”, {100 * (1 - share):.1f} %" in line
    assert line.split("Image")[1] in describe_softmax(state)
    assert describe_softmax(state).startswith("Three 2 by 2 matrices of image-text pairs")


def test_captions_label_rows_and_columns_and_long_ones_are_cut():
    captions = ("cat", "steam locomotive", "pizza", "rocket", "umbrella")
    labels = texts_of(softmax_figure(softmax_example(captions=captions)))
    assert labels.count("cat") == 4  # the rows of the first panel, the columns of all three
    assert labels.count("steam loc…") == 4


def test_pictures_stand_for_the_row_labels():
    fig = softmax_figure(softmax_example(images=PICTURES))
    assert [len(axes.images) for axes in fig.axes] == [6, 1, 1]
    assert texts_of(fig).count("cat") == 3
    assert fig.axes[0].get_xlim() == (-0.5, 4.5)


def test_a_large_batch_has_colour_bars_instead_of_numbers():
    fig = softmax_figure(SoftmaxState(torch.eye(16), 10.0))
    panels = [axes for axes in fig.axes if axes.images]
    assert [len(axes.collections) for axes in panels] == [0, 0, 0]
    ticks = [[tick.get_text() for tick in axes.child_axes[0].get_xticklabels()] for axes in panels]
    assert ticks == [["−1", "0", "1"], ["0", "1"], ["−0.062", "0", "0.062"]]


def test_drawing_leaves_nothing_in_pyplot_and_does_not_change_the_state():
    state = softmax_example(highlighted=2)
    before = state.similarity.clone()
    first = figure_html(softmax_figure(state), describe_softmax(state))
    assert figure_html(softmax_figure(state), describe_softmax(state)) == first
    assert torch.equal(state.similarity, before)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(2, 3), 1.0), "similarity must be square"),
        ((torch.ones(1, 1), 1.0), "similarity must hold at least 2 pairs"),
        ((torch.full((2, 2), math.nan), 1.0), "similarity must be finite"),
        ((torch.ones(2, 2), math.inf), "logit_scale must be finite"),
        ((torch.ones(2, 2), 1.0, ("one",)), "captions must name 2 pairs, got 1"),
        ((torch.ones(2, 2), 1.0, (), PICTURES), "images must hold 2 pictures, got 5"),
        ((torch.ones(2, 2), 1.0, (), None, 2), "highlighted must be an integer from 0 to 1, got 2"),
    ],
)
def test_a_state_that_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxState(*arguments)


def test_alignment_is_a_cosine():
    with pytest.raises(ValueError, match=r"alignment must be a cosine, from -1 to 1, got 1\.5"):
        softmax_example(alignment=1.5)
