"""Several ranks in one process: what they exchange, what averaging leaves, and what is said of a deadlock."""

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observation import GRADIENT
from autograder.observers import FunctionObserver, observe

OBSERVER = FunctionObserver(outputs=("loss",), called_by="ranks")


def case(world, n=2, seed=0):
    rng = np.random.default_rng(seed)
    return Case(f"{world} ranks", {"x": rng.normal(size=(world, n)), "scale": np.array(3.0)})


def seen(answer, world=3):
    found = observe(OBSERVER, answer, case(world))
    assert found.error is None, found.error
    return found


def error(answer, world=3):
    return observe(OBSERVER, answer, case(world)).error


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_gathering_gives_everybody_everything_in_the_order_of_ranks(world):
    x = torch.from_numpy(case(world).inputs["x"])

    def answer(x, scale, group):
        everyone = group.all_gather(x)
        assert not everyone.requires_grad
        assert torch.equal(everyone[group.rank], x)
        return scale * everyone.flatten() @ torch.arange(everyone.numel(), dtype=x.dtype)

    found = seen(answer, world)
    assert found.arrays["loss"] == pytest.approx(float(3 * x.flatten() @ torch.arange(x.numel()).double()))
    assert not found.arrays[GRADIENT + "x"].any()
    assert found.arrays[GRADIENT + "scale"] == pytest.approx(float(found.arrays["loss"]) / 3)


def test_gradients_are_those_that_averaging_over_the_ranks_leaves():
    found = seen(lambda x, scale, group: scale * (x**2).sum() * (group.rank + 1))
    x = case(3).inputs["x"]
    np.testing.assert_allclose(found.arrays[GRADIENT + "x"], 6 * x * [[1], [2], [3]] / 3)
    assert found.arrays[GRADIENT + "scale"] == pytest.approx(np.mean((x**2).sum(1) * [1, 2, 3]))


def test_a_reduce_scatter_sums_what_all_have_for_one():
    def answer(x, scale, group):
        mine = group.rank + torch.arange(group.world_size, dtype=x.dtype)  # rank r has r + q for rank q
        return scale * (group.reduce_scatter(mine) - 3 - 3 * group.rank)

    assert seen(answer).arrays["loss"] == 0


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_a_ring_brings_everything_round_and_its_gradients_back(world):
    def answer(x, scale, group):
        travelling, total = x, 0.0
        for step in range(group.world_size):
            if step:
                travelling = group.shift(travelling)
            source = (group.rank - step) % group.world_size
            total = total + (source + 1) * (travelling * x).sum()
        return total

    x = torch.from_numpy(case(world).inputs["x"]).requires_grad_()
    weights = torch.arange(1, world + 1, dtype=x.dtype)[None]
    whole = ((x @ x.T) * weights).sum() / world
    (gradient,) = torch.autograd.grad(whole, x)
    found = seen(answer, world)
    assert found.arrays["loss"] == pytest.approx(whole.item())
    np.testing.assert_allclose(found.arrays[GRADIENT + "x"], gradient.numpy(), atol=1e-12)


def test_a_rank_that_makes_other_calls_is_told_so():
    def answer(x, scale, group):
        return (group.shift(x) if group.rank else group.all_gather(x)).sum()

    assert error(answer)["message"] == (
        "rank 1 calls shift where rank 0 calls all_gather: every rank has to make the same calls in the same order."
    )


def test_a_rank_that_waits_for_ever_is_told_so():
    def answer(x, scale, group):
        return group.all_gather(x).sum() if group.rank == 2 else x.sum()

    assert (
        error(answer)["message"]
        == "rank 2 waits in all_gather for ranks that have finished without calling it."
    )


def test_waiting_cannot_be_caught_as_an_exception():
    def answer(x, scale, group):
        try:
            return group.all_gather(x).sum()
        except Exception:
            return x.sum()

    x = case(2).inputs["x"]
    assert seen(answer, 2).arrays["loss"] == pytest.approx(x.sum())


def test_what_is_no_loss_is_said():
    assert error(lambda x, scale, group: 3.0) == {"kind": "type", "got": "a float", "output": None}
    assert error(lambda x, scale, group: group.all_gather([1]))["message"] == (
        "all_gather exchanges tensors, got a list."
    )
    assert observe(OBSERVER, lambda x, scale, group: x, case(2)).arrays["loss"].shape == ()
