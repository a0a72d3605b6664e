import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure

from course_lib import contrastive
from course_lib.experiments.siglip.printed import random_pairs
from course_lib.figures import (
    SiglipState,
    describe_siglip_bias,
    explore_siglip_bias,
    figure_html,
    read_siglip_bias,
    siglip_bias_figure,
)


def texts_of(fig):
    return [text.get_text() for text in fig.findobj(lambda artist: hasattr(artist, "get_text"))]


@pytest.mark.parametrize(("batch", "bias"), [(256, 0.0), (256, -5.0), (1024, -10.0)])
def test_the_distribution_stands_for_a_real_batch(batch, bias):
    state = SiglipState(batch, bias, 10.0)
    images, texts = random_pairs(batch, 512)
    logits = 10.0 * images @ texts.T + bias
    assert state.loss == pytest.approx(float(contrastive.siglip_loss(images, texts, 10.0, bias)), rel=0.02)
    sizes = contrastive.siglip_grad_wrt_logits(logits).abs()
    assert state.positive_share == pytest.approx(float(sizes.diagonal().sum() / sizes.sum()), rel=0.02)


@pytest.mark.parametrize("batch", [2, 64, 4096])
def test_without_scale_everything_is_in_closed_form(batch):
    state = SiglipState(batch, -3.0, 0.0)
    assert state.positive_share == pytest.approx(contrastive.positive_gradient_share(batch, -3.0))
    assert SiglipState(batch, state.start, 0.0).positive_share == pytest.approx(0.5)


def test_the_loss_over_the_bias_passes_through_the_state():
    state = SiglipState(64, -2.0, 20.0, 0.5)
    moved = SiglipState(64, -7.0, 20.0, 0.5)
    both = state.losses(torch.tensor([-2.0, -7.0], dtype=torch.float64))
    assert both.tolist() == pytest.approx([state.loss, moved.loss])


def test_a_perfect_alignment_has_no_spread():
    logits = SiglipState(4, -1.0, 10.0, 1.0).positive_logits
    torch.testing.assert_close(logits, torch.full_like(logits, 9.0))


def test_the_figure_says_its_numbers():
    state = SiglipState(4096, -10.0)
    fig = siglip_bias_figure(state)
    assert isinstance(fig, Figure)
    words = texts_of(fig)
    assert "Loss 10.2 for N = 4,096 at bias −10.00   (b* = −8.32)" in words
    assert f"{100 * state.positive_share:.1f} %" in words
    assert [axes.get_title() for axes in fig.axes] == [
        "1 · Who moves it",
        "2 · Loss over the bias",
        "3 · Logits, and mean σ(ℓ)",
    ]


def test_words_say_who_moves_it():
    line = read_siglip_bias(SiglipState(4096, 0.0))
    assert line.startswith("Loss 2936 nats; the lowest over the bias is 9.418, at −8.50; b* = −8.32.")
    assert "0.02 % comes from the 4,096 pairs and 99.98 % from the 16,773,120 others" in line
    assert line in describe_siglip_bias(SiglipState(4096, 0.0))


def test_the_explorer_follows_its_controls_and_the_button():
    explorer = explore_siglip_bias(64, logit_bias=-1.0)
    assert set(explorer.values) == {"logit_bias", "batch", "logit_scale", "alignment"}
    explorer.set(batch=32768)
    assert "b* = −10.40" in repr(explorer)
    (row,) = [child for child in explorer.children if hasattr(child, "children")]
    row.children[0].click()
    assert explorer.values["logit_bias"] == pytest.approx(contrastive.initial_bias(32768))


def test_drawing_leaves_nothing_in_pyplot():
    state = SiglipState(16, -2.0)
    assert figure_html(siglip_bias_figure(state), "A figure of the bias and its shares.")
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0.0), "batch must be an integer of at least 2, got 1"),
        ((4, float("nan")), "logit_bias must be finite"),
        ((4, 0.0, 10.0, 1.5), r"alignment must be a cosine, from -1 to 1, got 1\.5"),
    ],
)
def test_a_state_that_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SiglipState(*arguments)


def test_the_slider_knows_powers_of_two():
    with pytest.raises(ValueError, match="batch must be a power of 2, got 100"):
        explore_siglip_bias(100)
