"""Hardness weights and effective negatives: by definition, by their limits, and where weights underflow."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import effective_negatives, grad_wrt_logits, hardness_weights

TEMPERATURES = st.one_of(st.just(0.0), st.floats(1e-6, 1e3), st.just(math.inf))
CASES = st.tuples(st.integers(2, 9), st.integers(0, 10**6))


def off_diagonal(matrix):
    size = len(matrix)
    return matrix[~torch.eye(size, dtype=torch.bool)].view(size, size - 1)


@pytest.mark.parametrize("temperature", [1.0, 0.07, 0.005, 20.0])
def test_weights_are_the_softmax_over_the_negatives_alone(randn, temperature):
    similarity = randn(6, 6).tanh()
    weights = hardness_weights(similarity, temperature)
    assert torch.allclose(off_diagonal(weights), (off_diagonal(similarity) / temperature).softmax(dim=1))
    assert (weights.diagonal() == 0).all()


def test_weights_are_the_shares_of_the_gradient(randn):
    logits = randn(5, 5)
    push = grad_wrt_logits(logits) * 10  # 2N times the gradient: rows and columns together
    rows = logits.softmax(dim=1)
    columns = logits.softmax(dim=0)
    assert torch.allclose(push, rows + columns - 2 * torch.eye(5, dtype=torch.float64))
    negatives = rows.masked_fill(torch.eye(5, dtype=torch.bool), 0)
    assert torch.allclose(hardness_weights(logits, 1.0), negatives / negatives.sum(dim=1, keepdim=True))


def test_the_limits():
    similarity = torch.tensor(
        [[0.9, 0.5, 0.5, 0.1], [0, 0.9, 0.3, 0.2], [0, 0, 0.9, 0], [0.1, 0.2, 0.2, 0.9]]
    )
    cold, hot = hardness_weights(similarity, 0.0), hardness_weights(similarity, math.inf)
    assert cold.tolist()[:3] == [
        [0, 0.5, 0.5, 0],
        [0, 0, 1, 0],
        [pytest.approx(1 / 3)] * 2 + [0, pytest.approx(1 / 3)],
    ]
    assert torch.allclose(off_diagonal(hot), torch.full((4, 3), 1 / 3))
    assert torch.allclose(effective_negatives(similarity, 0.0), torch.tensor([2.0, 1.0, 3.0, 2.0]))
    assert torch.allclose(effective_negatives(similarity, math.inf), torch.full((4,), 3.0))


@given(CASES, TEMPERATURES)
@settings(deadline=None)
def test_rows_sum_to_one_and_counts_stay_in_their_range(randn, case, temperature):
    size, seed = case
    similarity = randn(size, size, seed=seed).tanh()
    weights = hardness_weights(similarity, temperature)
    assert torch.allclose(weights.sum(dim=1), torch.ones(size, dtype=torch.float64))
    effective = effective_negatives(similarity, temperature)
    assert torch.isfinite(effective).all()
    assert (effective >= 1 - 1e-9).all()
    assert (effective <= size - 1 + 1e-9).all()
    assert torch.allclose(effective, torch.special.entr(weights).sum(dim=1).exp())


@given(CASES, st.floats(0.01, 2), st.floats(1.01, 10))
@settings(deadline=None)
def test_a_hotter_row_has_more_effective_negatives(randn, case, temperature, factor):
    size, seed = case
    similarity = randn(size, size, seed=seed).tanh()
    colder, hotter = (effective_negatives(similarity, t) for t in (temperature, temperature * factor))
    assert (colder <= hotter + 1e-9).all()


@given(CASES)
@settings(deadline=None)
def test_neither_the_positive_nor_a_shift_of_the_row_matters(randn, case):
    size, seed = case
    similarity = randn(size, size, seed=seed).tanh()
    effective = effective_negatives(similarity, 0.2)
    moved = similarity + torch.diag(randn(size, seed=seed + 1)) + randn(size, 1, seed=seed + 2)
    assert torch.allclose(effective_negatives(moved, 0.2), effective)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_that_underflow_count_nothing(dtype):
    similarity = torch.tensor([[0, 1, 1, -1], [-1, 0, -1, 1], [1, -1, 0, -1], [-1, -1, 1, 0]], dtype=dtype)
    assert effective_negatives(similarity, 1e-4).tolist() == pytest.approx([2, 1, 1, 1])


def test_gradients_flow(randn):
    similarity = randn(4, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: hardness_weights(s, 0.5), similarity)
    assert torch.autograd.gradcheck(lambda s: effective_negatives(s, 0.5), similarity)
