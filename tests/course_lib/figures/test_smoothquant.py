"""Smoothing drawn over channels, and outliers drawn over tokens: numbers of the library, words with numbers."""

import pytest
import torch

from course_lib import quantization
from course_lib.data import load_activations
from course_lib.figures import (
    OutlierMap,
    SmoothLayer,
    SmoothState,
    describe_outlier_map,
    describe_smoothquant,
    explore_outliers,
    explore_smoothquant,
    figure_html,
    outlier_map_figure,
    read_outlier_map,
    read_smoothquant,
    smooth_examples,
    smoothquant_figure,
)


def small(seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, weight = torch.randn(20, 6, generator=generator), torch.randn(5, 6, generator=generator)
    x[:, 2] *= 30
    return SmoothLayer("small", x[:10], x[10:], weight)


def test_the_state_is_what_the_library_says():
    state = SmoothState(small(), 0.5)
    layer = state.layer
    assert torch.equal(state.scales, quantization.smooth_scales(layer.act_absmax, layer.weights, 0.5))
    assert torch.allclose(state.act_absmax, state.weight_absmax)  # α = ½ makes both maxima alike
    y = quantization.w8a8_linear(
        layer.tested / state.scales, layer.weights * state.scales, float(state.act_absmax.max()) / 127
    )
    truth = layer.tested @ layer.weights.T
    errors = (y - truth).norm(dim=1) / truth.norm(dim=1)
    assert state.error == pytest.approx(float(errors.median()), rel=1e-4)
    assert state.error == pytest.approx(state.errors[10])
    assert state.errors[round(20 * state.best)] == min(state.errors)


@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("name", ["layer 12, q k v", "made: a token"])
def test_smoothing_can_be_drawn_and_its_words_have_its_numbers(name, per_token):
    state = SmoothState(smooth_examples()[name], 0.7, per_token)
    assert f"{100 * state.error:.2f} % at α = 0.70" in read_smoothquant(state)
    assert read_smoothquant(state) in describe_smoothquant(state)
    assert figure_html(smoothquant_figure(state), describe_smoothquant(state)).startswith("<figure")


def test_the_explorer_follows_its_controls_and_finds_the_best_strength():
    explorer = explore_smoothquant()
    before = explorer.readout.value
    explorer.set(layer="made: a channel", scales="per token")
    assert explorer.readout.value != before
    (button,) = (b for b in explorer.children[3].children if b.description == "Best α")
    button.click()
    assert explorer.values["alpha"] == pytest.approx(0.5)


def test_the_examples_behave_as_the_lesson_says():
    layers = smooth_examples()
    assert 0.6 <= SmoothState(layers["layer 12, q k v"]).best <= 0.8
    token = SmoothState(layers["made: a token"], 0.5, per_token=True)
    assert token.best == 0.0
    assert token.error > 3 * token.unsmoothed
    ordinary = SmoothState(layers["layer 11, down"])
    assert ordinary.unsmoothed == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("layer", "kind", "channel"), [(11, "down", 1229), (12, "qkv", 247), (28, "down", 678)]
)
def test_a_map_shows_the_loudest_channels_and_says_where_the_largest_is(layer, kind, channel):
    state = OutlierMap(layer, kind, sequence=2)
    assert state.channels[0] == channel
    assert state.values.shape == (16, 24)
    assert f"channel {channel}" in read_outlier_map(state)
    assert read_outlier_map(state) in describe_outlier_map(state)
    assert figure_html(outlier_map_figure(state), describe_outlier_map(state)).startswith("<figure")


def test_a_massive_token_is_gone_without_the_first_one_and_a_channel_is_not():
    assert OutlierMap(11, "down", without_first=True).ratio < OutlierMap(11, "down").ratio / 100
    channel = [OutlierMap(12, "qkv", without_first=first).ratio for first in (False, True)]
    assert channel[0] == pytest.approx(channel[1])
    assert OutlierMap(11, "down", without_first=True).words == load_activations().tokens[0][1:]


def test_every_recorded_input_can_be_explored():
    explorer = explore_outliers()
    assert len(explorer.controls["input"].options) == 12
    for option in explorer.controls["input"].options[::4]:
        explorer.set(input=option, tokens="without the first")
        assert "medians" in explorer.readout.value


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SmoothState(small(), 1.5), "alpha must be a number from 0 to 1, got 1.5."),
        (lambda: OutlierMap(11, "down", 8), "sequence must be an integer from 0 to 7, got 8."),
        (lambda: OutlierMap(3, "down"), "layer must be one of 4, 11, 12, 28, got 3."),
    ],
)
def test_what_cannot_be_drawn(make, sentence):
    with pytest.raises(ValueError, match="must") as caught:
        make()
    assert str(caught.value) == sentence
