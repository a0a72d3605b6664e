"""Retrieval: whether the right candidate comes up among the first few."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_lib.validate import check_int, check_paired, check_square


class RetrievalReport(NamedTuple):
    """Recall at several k and the median rank of the positive, in both directions."""

    image_to_text_recall: Float[Tensor, " ks"]
    text_to_image_recall: Float[Tensor, " ks"]
    image_to_text_median_rank: Float[Tensor, ""]
    text_to_image_median_rank: Float[Tensor, ""]


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


def retrieval_report(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    ks: Sequence[int] = (1, 5, 10),
) -> RetrievalReport:
    """Recall at every k, and the median rank, from images to texts and from texts to images.

    s_ij = I_i·T_j. Images to texts: rank_i = 1 + |{ j ≠ i : s_ij ≥ s_ii }|, along a row. Texts to images:
    rank_j = 1 + |{ i ≠ j : s_ij ≥ s_jj }|, down a column. R@k is the share of ranks ≤ k.

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    ks : sequence of int, each from 1 to batch, default (1, 5, 10)
        How many candidates are looked at.

    Returns
    -------
    RetrievalReport
        Tensors of the dtype of ``image_features``: two of shape [len(ks)], two 0-d. The median of an even
        number of ranks is the mean of the middle two, so it may end in .5.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device, ``ks`` is
        empty, or one of them is not an integer from 1 to batch.

    Notes
    -----
    Ties count against the model, as in `recall_at_k`. The two directions differ: a text that lies near many
    images hurts those images' queries, and its own not at all.

    References
    ----------
    Karpathy & Fei-Fei 2015, arXiv:1412.2306, table 1 (recall at k and median rank, both ways).

    Examples
    --------
    >>> import torch
    >>> images = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    >>> texts = torch.tensor([[1.0, 0.0], [0.96, 0.28]])
    >>> report = retrieval_report(images, texts, ks=(1,))
    >>> report.image_to_text_recall, report.text_to_image_recall  # text 1 is nearer to image 0
    (tensor([1.]), tensor([0.5000]))
    """
    check_paired(image_features, text_features)
    ks = list(ks)
    if not ks:
        raise ValueError("ks must hold at least one k, got none.")
    for k in ks:
        check_int("ks", k, low=1, high=len(image_features))
    similarity = image_features @ text_features.T
    to_texts, to_images = _ranks(similarity), _ranks(similarity.T)
    dtype = similarity.dtype
    return RetrievalReport(
        _share_within(to_texts, ks, dtype),
        _share_within(to_images, ks, dtype),
        to_texts.to(dtype).quantile(0.5),
        to_images.to(dtype).quantile(0.5),
    )


def _ranks(similarity: Tensor) -> Int64[Tensor, " batch"]:
    positives = similarity.diagonal().unsqueeze(1)
    return (similarity >= positives).sum(dim=1)  # the positive itself adds the 1


def _share_within(ranks: Tensor, ks: list[int], dtype: torch.dtype) -> Tensor:
    return (ranks[:, None] <= torch.tensor(ks, device=ranks.device)).to(dtype).mean(dim=0)


def _recall_at_k(similarity: Tensor, k: int) -> Tensor:
    return (_ranks(similarity) <= k).to(similarity.dtype).mean()
