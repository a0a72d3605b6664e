"""The figure of GPTQ's loop shows the loop, and its words are its numbers."""

import pytest
import torch

from course_lib.figures import (
    GPTQState,
    describe_gptq,
    explore_gptq,
    gptq_example,
    gptq_figure,
    read_gptq,
)
from course_lib.quantization import gptq_quantize


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_walk_ends_where_the_library_does(bits, correlation):
    weight, inputs = gptq_example(correlation)
    state = GPTQState(weight, inputs, bits, done=12)
    torch.testing.assert_close(state.now[None], gptq_quantize(weight[None], inputs, bits).weight)
    off = inputs @ (state.now - weight)
    assert state.errors[0][-1].item() == pytest.approx(
        (off.square().sum() / (inputs @ weight).square().sum()).item()
    )


def test_rounded_columns_lie_on_the_grid_and_stay():
    state = GPTQState(*gptq_example(), bits=3, done=5)
    assert all((state.grid - value).abs().min() < 1e-9 for value in state.now[:5])
    assert torch.equal(state.path[12][:5], state.now[:5])
    assert not torch.allclose(state.now[5:], state.weight[5:])
    assert torch.equal(state.plain[5][5:], state.weight[5:])


def test_words_and_pictures():
    state = GPTQState(*gptq_example(), bits=2, done=4)
    figure = gptq_figure(state)
    assert figure.get_suptitle() == "2 bits: column 3 is rounded, those to come make up for it"
    assert read_gptq(state).startswith("4 of 12 columns rounded. Output error ")
    assert read_gptq(state) in describe_gptq(state)
    for done, title in ((0, "nothing is rounded yet"), (12, "all columns are rounded")):
        assert title in gptq_figure(GPTQState(*gptq_example(), bits=2, done=done)).get_suptitle()


def test_the_explorer_walks_and_resets():
    explorer = explore_gptq()
    button = next(child for child in explorer.children[-3].children if child.description == "Next column")
    button.click()
    button.click()
    assert explorer.values["done"] == 2
    explorer.set(done=12)
    button.click()
    assert explorer.values["done"] == 12
    assert "12 of 12 columns rounded" in repr(explorer)


def test_what_cannot_be_drawn_is_said():
    weight, inputs = gptq_example()
    with pytest.raises(ValueError, match="weight must be one row of 12 numbers"):
        GPTQState(weight[:5], inputs)
    with pytest.raises(ValueError, match="done must be an integer from 0 to 12, got 13"):
        GPTQState(weight, inputs, done=13)
    with pytest.raises(ValueError, match="rows must have 12 columns, got 5 in 'short'"):
        explore_gptq({"short": (weight[:5], inputs[:, :5])})
