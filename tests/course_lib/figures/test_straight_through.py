"""The figure of the straight-through estimator: its state is the library's, its words are its numbers."""

import numpy as np
import pytest
import torch

from course_lib import quantization
from course_lib.figures import (
    StraightThroughState,
    describe_straight_through,
    explore_straight_through,
    figure_html,
    read_straight_through,
    straight_through_figure,
)


def test_values_and_slopes_are_the_library_s():
    state = StraightThroughState(bits=3, scale=0.5)
    x = torch.linspace(-4, 4, 99, dtype=torch.float64, requires_grad=True)
    y = quantization.fake_quantize(x, 0.5, 0, -4, 3)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert np.allclose(state.rounded(x.detach().numpy()), y.detach().numpy())
    assert np.array_equal(state.slope(x.detach().numpy()), slope.numpy())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"start": -1.2, "target": 0.65}, "goes back and forth"),
        ({"start": 3.0, "target": 0.5}, "it is clipped, and its gradient is 0"),
        ({"start": 0.0, "target": 0.5}, "ends at"),
    ],
)
def test_what_becomes_of_the_weight(settings, words):
    state = StraightThroughState(**settings)
    assert words in read_straight_through(state)
    assert read_straight_through(state) in describe_straight_through(state)
    html = figure_html(straight_through_figure(state), describe_straight_through(state))
    assert html.startswith("<figure")


def test_paths():
    state = StraightThroughState(start=3.0, target=0.5)
    assert set(state.meant) == {3.0}
    assert state.literal[-1] < 1
    away = StraightThroughState(start=0.0, target=3.0)
    assert away.literal[-1] > away.literal[60] > 3
    between = StraightThroughState(target=0.65)
    assert between.share_above == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    "wrong", [{"bits": 7}, {"scale": 0.0}, {"start": float("nan")}, {"learning_rate": -1.0}, {"steps": 0}]
)
def test_what_cannot_be_drawn(wrong):
    with pytest.raises((TypeError, ValueError)):
        StraightThroughState(**wrong)


def test_the_explorer_follows_its_controls_and_buttons():
    explorer = explore_straight_through()
    before = explorer.readout.value
    (button,) = (b for b in explorer.children[5].children if b.description == "Clipped")
    button.click()
    assert explorer.readout.value != before
    assert "clipped" in explorer.readout.value
    explorer.set(start=-1.2, target=0.65)
    assert explorer.readout.value == before
