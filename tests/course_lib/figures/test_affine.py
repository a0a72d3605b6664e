"""The grid on a number line: its state is the library's, its words are its numbers, its controls move it."""

import pytest
import torch

from course_lib import quantization
from course_lib.figures import (
    AffineState,
    affine_examples,
    affine_figure,
    describe_affine,
    explore_affine,
    figure_html,
    read_affine,
)

BELL = affine_examples()["bell curve"]


def test_the_state_is_what_the_library_says():
    state = AffineState(BELL, -1.0, 2.0, bits=3)
    scale, zero_point = quantization.affine_qparams(-1.0, 2.0, -4, 3)
    assert state.scale == pytest.approx(scale.item())
    assert state.zero_point == zero_point.item()
    values = quantization.fake_quantize(BELL, state.scale, state.zero_point, -4, 3)
    assert float(sum(state.parts)) == pytest.approx(float((BELL - values).square().mean()))
    assert state.sqnr == pytest.approx(float(quantization.sqnr_db(BELL, values)))
    assert len(state.grid) == 8
    assert state.grid[state.zero_point + 4] == 0
    assert state.cut == float(((state.grid[0] > BELL) | (state.grid[-1] < BELL)).double().mean())


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("name", affine_examples())
def test_no_other_grid_shown_is_better_than_that_of_least_error(name, symmetric):
    state = AffineState(affine_examples()[name], -1.0, 1.0, 4, symmetric)
    best = float(sum(state.of_least_error.parts))
    assert best <= 1.01 * float(sum(state.parts))
    assert best <= 1.01 * float(sum(state.over_everything.parts))


@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize("name", affine_examples())
def test_it_can_be_drawn_and_its_words_have_its_numbers(name, bits):
    state = AffineState(affine_examples()[name], -1.0, 1.5, bits)
    assert f"{state.sqnr:.1f} dB" in read_affine(state).replace("\N{MINUS SIGN}", "-")
    assert read_affine(state) in describe_affine(state)
    assert figure_html(affine_figure(state), describe_affine(state)).startswith("<figure")


def test_the_explorer_follows_its_controls_and_finds_the_least_error():
    explorer = explore_affine({"two values": torch.tensor([-1.0, 3.0])}, bits=3)
    before = explorer.readout.value
    explorer.set(data="one stray value")
    assert explorer.readout.value != before
    (button,) = (b for b in explorer.children[5].children if b.description == "Least error")
    button.click()
    assert 0 < explorer.values["high"] < 0.5
    explorer.set(data="two values", low=0.0, high=0.0, kind="symmetric")  # the narrowest that can be set
    assert "Step" in explorer.readout.value


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"x": torch.ones(3)}, "x must not be constant: there is nothing to draw."),
        ({"low": 2.0, "high": 1.0}, "low must be at most high, got 2 and 1."),
        ({"bits": 1}, "bits must be an integer from 2 to 16, got 1."),
    ],
)
def test_what_cannot_be_drawn(arguments, sentence):
    with pytest.raises(ValueError, match="must") as caught:
        AffineState(**{"x": BELL, "low": -1.0, "high": 1.0, **arguments})
    assert str(caught.value) == sentence
