"""Retrieval: whether the right candidate comes up among the first few."""

from jaxtyping import Float
from torch import Tensor

from course_lib.validate import check_int, check_square


def recall_at_k(similarity: Float[Tensor, "batch batch"], k: int) -> Float[Tensor, ""]:
    """Fraction of queries whose positive is among their k most similar candidates.

    R@k = (1/N) Σ_i 1[ rank_i ≤ k ],  rank_i = 1 + |{ j ≠ i : s_ij ≥ s_ii }|

    Parameters
    ----------
    similarity : Tensor, shape [batch, batch], float32 or float64
        Queries along rows, candidates along columns; the positive of row i is column i. Rows of images give
        image-to-text recall, the transpose gives text-to-image recall.
    k : int, 1 ≤ k ≤ batch
        How many candidates are looked at.

    Returns
    -------
    Tensor, 0-d, dtype of ``similarity``
        Between 0 and 1. Chance is k/batch. Piecewise constant in ``similarity``: it carries no gradient.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, non-empty, square float matrix, or ``k`` is not an integer from 1
        to batch.

    Notes
    -----
    Ties count against the model: a wrong candidate as similar as the positive ranks before it (hence ≥
    above). Otherwise a collapsed encoder, which maps everything to one point and makes all similarities
    equal, would score a perfect 1; ``topk`` would score it by the accident of which index it returns first.

    Examples
    --------
    >>> import torch
    >>> similarity = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.5, 0.1], [0.3, 0.4, 0.4]])
    >>> recall_at_k(similarity, 1), recall_at_k(similarity, 2)
    (tensor(0.3333), tensor(1.))
    >>> recall_at_k(torch.ones(4, 4), 3)  # collapsed
    tensor(0.)
    """
    check_square("similarity", similarity)
    check_int("k", k, low=1, high=similarity.shape[0])
    return _recall_at_k(similarity, k)


def _recall_at_k(similarity: Tensor, k: int) -> Tensor:
    positives = similarity.diagonal().unsqueeze(1)
    ranks = (similarity >= positives).sum(dim=1)  # the positive itself adds the 1
    return (ranks <= k).to(similarity.dtype).mean()
