"""Recall against a loop that counts, ties included."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import recall_at_k

# Few distinct values, so that ties are frequent.
MATRICES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(-2, 2), min_size=n, max_size=n), min_size=n, max_size=n)
)


def counted(rows, k):
    hits = 0
    for i, row in enumerate(rows):
        before = sum(1 for j, value in enumerate(row) if j != i and value >= row[i])
        hits += before < k
    return hits / len(rows)


@given(MATRICES, st.data())
@settings(deadline=None)
def test_equals_counting(rows, data):
    k = data.draw(st.integers(1, len(rows)))
    similarity = torch.tensor(rows, dtype=torch.float64)
    assert recall_at_k(similarity, k).item() == pytest.approx(counted(rows, k), abs=1e-15)


@given(st.integers(1, 8), st.integers(0, 10**6), st.data())
@settings(deadline=None)
def test_without_ties_it_is_what_topk_finds(size, seed, data):
    k = data.draw(st.integers(1, size))
    similarity = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = (similarity.topk(k, dim=1).indices == torch.arange(size)[:, None]).any(dim=1)
    assert recall_at_k(similarity, k).item() == pytest.approx(found.double().mean().item())


@given(MATRICES)
@settings(deadline=None)
def test_it_grows_with_k_and_ends_at_one(rows):
    similarity = torch.tensor(rows, dtype=torch.float64)
    recalls = [recall_at_k(similarity, k).item() for k in range(1, len(rows) + 1)]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1.0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_collapsed_model_retrieves_nothing(k):
    assert recall_at_k(torch.full((4, 4), 0.7), k) == 0


def test_one_tie_pushes_the_positive_down_by_one():
    similarity = torch.eye(3)
    similarity[0, 2] = 1.0
    assert recall_at_k(similarity, 1).item() == pytest.approx(2 / 3)
    assert recall_at_k(similarity, 2) == 1


def test_queries_are_rows():
    similarity = torch.tensor([[1.0, 2.0, 2.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]])
    assert recall_at_k(similarity, 1).item() == pytest.approx(2 / 3)
    assert recall_at_k(similarity.T, 1).item() == 1.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_result_is_a_0d_tensor_of_the_inputs_dtype(dtype):
    recall = recall_at_k(torch.eye(2, dtype=dtype), 1)
    assert (recall.shape, recall.dtype, float(recall)) == (torch.Size([]), dtype, 1.0)


def test_a_batch_of_one_is_always_found():
    assert recall_at_k(torch.tensor([[-5.0]]), 1) == 1
