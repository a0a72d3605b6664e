"""A model's retrieval in four numbers: both directions, how often and how far down."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from course_lib.validate import check_int, check_square


class RetrievalReport(NamedTuple):
    """Recall at k and median rank of the positive, in both directions."""

    image_to_text_recall: Float[Tensor, ""]
    text_to_image_recall: Float[Tensor, ""]
    image_to_text_median_rank: Float[Tensor, ""]
    text_to_image_median_rank: Float[Tensor, ""]


def retrieval_report(similarity: Float[Tensor, "batch batch"], k: int) -> RetrievalReport:
    """Recall at k and median rank, images looking for texts and texts looking for images.

    rank_i = 1 + |{ j ≠ i : s_ij ≥ s_ii }|,  R@k = (1/N) Σ_i 1[ rank_i ≤ k ],  and the same over columns

    Parameters
    ----------
    similarity : Tensor, shape [batch, batch], float32 or float64
        Entry [i, j] belongs to image i and text j; the positives are on the diagonal.
    k : int, 1 ≤ k ≤ batch
        How many candidates count as found.

    Returns
    -------
    RetrievalReport
        Four 0-d tensors of the dtype of ``similarity``, without gradient. Ranks begin at 1. With an even
        number of queries the median is the mean of the two in the middle.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, non-empty, square float matrix, or ``k`` is not an integer from 1
        to batch.

    Notes
    -----
    Ties count against the model, as in `recall_at_k`. The median rank of a model that knows nothing is about
    N/2. It says of the other half of the queries what recall does not, and one outlier cannot move it, as it
    moves a mean.

    Examples
    --------
    >>> import torch
    >>> similarity = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.5, 0.1], [0.3, 0.4, 0.4]])
    >>> [round(float(number), 3) for number in retrieval_report(similarity, 1)]
    [0.333, 1.0, 2.0, 1.0]
    """
    check_square("similarity", similarity)
    check_int("k", k, low=1, high=similarity.shape[0])
    return _retrieval_report(similarity, k)


def _retrieval_report(similarity: Tensor, k: int) -> RetrievalReport:
    ranks = [_ranks(similarity), _ranks(similarity.T)]
    recalls = [(rank <= k).to(similarity.dtype).mean() for rank in ranks]
    # torch's own median takes the lower of two middle values.
    medians = [rank.to(similarity.dtype).quantile(0.5) for rank in ranks]
    return RetrievalReport(*recalls, *medians)


def _ranks(similarity: Tensor) -> Tensor:
    return (similarity >= similarity.diagonal().unsqueeze(1)).sum(dim=1)  # the positive itself adds the 1
