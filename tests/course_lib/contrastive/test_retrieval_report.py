"""Both directions of retrieval against counting, and against recall_at_k."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import recall_at_k, retrieval_report

# Few distinct values, so that ties are frequent.
MATRICES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(-2, 2), min_size=n, max_size=n), min_size=n, max_size=n)
)


def ranks_of(rows):
    return [1 + sum(v >= row[i] for j, v in enumerate(row) if j != i) for i, row in enumerate(rows)]


@given(MATRICES, st.data())
@settings(deadline=None)
def test_equals_counting(rows, data):
    k = data.draw(st.integers(1, len(rows)))
    similarity = torch.tensor(rows, dtype=torch.float64)
    report = retrieval_report(similarity, k)
    columns = similarity.T.tolist()
    assert report.image_to_text_median_rank.item() == np.median(ranks_of(rows))
    assert report.text_to_image_median_rank.item() == np.median(ranks_of(columns))
    assert report.image_to_text_recall == recall_at_k(similarity, k)
    assert report.text_to_image_recall == recall_at_k(similarity.T.contiguous(), k)


def test_transposing_exchanges_the_directions(randn):
    similarity = randn(7, 7)
    one, other = retrieval_report(similarity, 2), retrieval_report(similarity.T, 2)
    assert [one[i] for i in (1, 0, 3, 2)] == list(other)


def test_a_collapsed_model_finds_nothing():
    assert [float(number) for number in retrieval_report(torch.ones(5, 5), 4)] == [0, 0, 5, 5]
