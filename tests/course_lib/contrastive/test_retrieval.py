"""Recall against a loop that counts, ties included."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import recall_at_k, retrieval_report

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


# The report on both directions --------------------------------------------------------------------------


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10**6))
@settings(deadline=None)
def test_the_report_says_what_recall_says_of_the_matrix_and_its_transpose(size, dim, seed):
    images, texts = torch.randn(2, size, dim, generator=torch.Generator().manual_seed(seed)).double()
    ks = range(1, size + 1)
    report = retrieval_report(images, texts, ks)
    for similarity, recalls, median in (
        (images @ texts.T, report.image_to_text_recall, report.image_to_text_median_rank),
        (texts @ images.T, report.text_to_image_recall, report.text_to_image_median_rank),
    ):
        assert recalls.tolist() == pytest.approx([float(recall_at_k(similarity, k)) for k in ks])
        ranks = [1 + sum(row[j] >= row[i] for j in range(size) if j != i) for i, row in enumerate(similarity)]
        assert float(median) == pytest.approx(np.median(ranks))


def test_exchanging_the_modalities_exchanges_the_directions(random_pairs):
    images, texts = random_pairs(7, 3)
    there, back = retrieval_report(images, texts, (1, 3)), retrieval_report(texts, images, (1, 3))
    assert torch.equal(there.image_to_text_recall, back.text_to_image_recall)
    assert there.image_to_text_median_rank == back.text_to_image_median_rank


def test_a_collapsed_encoder_is_reported_as_useless():
    same = torch.ones(4, 2) / 2**0.5
    report = retrieval_report(same, same, ks=(1, 3, 4))
    assert report.image_to_text_recall.tolist() == [0, 0, 1]
    assert report.text_to_image_median_rank == 4


def test_the_median_of_an_even_number_may_lie_between_two_ranks():
    images = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    texts = torch.tensor([[1.0, 0.0], [0.96, 0.28]])
    report = retrieval_report(images, texts, ks=(1,))
    assert (report.image_to_text_median_rank, report.text_to_image_median_rank) == (1, 1.5)
