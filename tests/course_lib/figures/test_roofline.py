"""The roofline: its state is arithmetic done by hand, its words are its numbers, its controls move it."""

import math

import pytest

from course_lib.figures import (
    RooflineState,
    describe_roofline,
    explore_roofline,
    figure_html,
    read_roofline,
    roofline_figure,
)
from course_lib.figures.roofline_state import MODELS


def test_the_state_is_what_the_formulas_say():
    state = RooflineState(10e9, 100e9, "Llama 2 7B", bits=16, batch=2, context=1000)
    size = MODELS["Llama 2 7B"]
    cache = 2 * 2 * 32 * 32 * 128 * 1000 * 2  # sequences, keys and values, layers, heads, dim, tokens, bytes
    assert state.weight_bytes == 2 * size.parameters
    assert state.cache_bytes == cache
    assert state.operations == 2 * size.parameters + 4 * 32 * 32 * 128 * 1000
    assert state.ridge == 10
    reading = (2 * size.parameters + cache) / 10e9
    assert state.tokens_per_second == pytest.approx(2 / reading)
    assert state.memory_bound
    assert sum(state.seconds[:2]) == pytest.approx(reading)


@pytest.mark.parametrize("batch", [1, 4, 16, 64, 256])
def test_it_is_bound_by_what_takes_longer(batch):
    state = RooflineState(20e9, 100e9, batch=batch, bits=8, context=500)
    weights, cache, arithmetic = state.seconds
    assert state.memory_bound is (weights + cache > arithmetic)
    assert state.tokens_per_second == pytest.approx(batch / max(weights + cache, arithmetic))


def test_scales_count_below_16_bits():
    eight, sixteen = (RooflineState(1e9, 1e9, bits=bits).weight_bytes for bits in (8, 16))
    assert eight == pytest.approx(sixteen / 2 * (1 + 2 / 32))


@pytest.mark.parametrize(
    "settings", [{}, {"bits": 4, "batch": 512, "context": 131072}, {"model": "Llama 3 8B"}]
)
def test_it_can_be_drawn_and_its_words_have_its_numbers(settings):
    state = RooflineState(20e9, 100e9, **settings)
    assert f"{state.intensity:.3g} operations" in read_roofline(state)
    assert read_roofline(state) in describe_roofline(state)
    assert figure_html(roofline_figure(state), describe_roofline(state)).startswith("<figure")


def test_the_explorer_follows_its_controls():
    explorer = explore_roofline(25e9, 100e9, 400e9)
    before = explorer.readout.value
    explorer.set(bits=4, arithmetic="int8", batch=64)
    assert explorer.readout.value != before
    (button,) = (b for b in explorer.children[6].children if b.description == "A long context")
    button.click()
    assert explorer.values["context"] == 32768


def test_without_an_int8_kernel_there_is_no_such_choice():
    assert len(explore_roofline(25e9, 100e9, math.nan).controls["arithmetic"].options) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"bandwidth": 0}, "bandwidth must be greater than 0, got 0.0."),
        ({"rate": -1}, "rate must be greater than 0, got -1.0."),
        ({"model": "GPT"}, "model must be one of SmolLM2-135M, Llama 2 7B, Llama 3 8B, got 'GPT'."),
        ({"bits": 64}, "bits must be an integer from 2 to 32, got 64."),
        ({"batch": 0}, "batch must be an integer of at least 1, got 0."),
        ({"context": -1}, "context must be an integer of at least 0, got -1."),
    ],
)
def test_what_cannot_be_drawn(arguments, sentence):
    with pytest.raises(ValueError, match="must") as caught:
        RooflineState(**{"bandwidth": 1e9, "rate": 1e9, **arguments})
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", ["bandwidth", "float_rate", "int8_rate"])
def test_rates_that_are_none(name):
    with pytest.raises(ValueError, match=f"{name} must be greater than 0"):
        explore_roofline(**{name: -1.0})
