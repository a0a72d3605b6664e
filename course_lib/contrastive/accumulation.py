"""A big batch in small pieces: the exact loss, block by block, and the average that is something else."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.infonce import _clip_loss, _logits
from course_lib.validate import check_int, check_paired, check_scale


def accumulated_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    micro_batch_size: int,
) -> Float[Tensor, ""]:
    """`clip_loss` of the whole batch, from blocks of [micro_batch_size, batch] logits.

    L = (1/2N) Σ_i [ (log Σ_j exp ℓ_ij − ℓ_ii) + (log Σ_j exp ℓ_ji − ℓ_ii) ]

    A block holds complete rows, so its image-to-text part is final at once. Its columns are incomplete: each
    column's log-sum-exp c_j is carried from block to block, c_j ← log(exp(c_j) + exp(log Σ_{i in block} exp
    ℓ_ij)).

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.
    micro_batch_size : int, at least 1
        Images per block. It need not divide the batch (the last block is shorter) and may exceed it.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The value and the gradients of ``clip_loss``, whatever the ``micro_batch_size``, up to rounding.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device,
        ``logit_scale`` is not a finite scalar, or ``micro_batch_size`` is not an integer of at least 1.

    Notes
    -----
    Without gradients, one block of logits is alive at a time: O(micro_batch_size · batch) memory. When
    autograd records, it keeps what every block needs for its backward pass, O(batch²) in all, as for
    ``clip_loss``: saving that memory as well takes a backward pass that computes the blocks again.

    References
    ----------
    Milakov and Gimelshein 2018, arXiv:1805.02867 (the running log-sum-exp); Cheng et al. 2024,
    arXiv:2410.17243 (its use for contrastive losses).

    Examples
    --------
    >>> import torch
    >>> accumulated_loss(torch.eye(4), torch.eye(4), 0.0, micro_batch_size=2)  # log 4
    tensor(1.3863)
    """
    _check(image_features, text_features, logit_scale, micro_batch_size)
    return _accumulated_loss(image_features, text_features, logit_scale, micro_batch_size)


def mean_of_micro_batch_losses(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    micro_batch_size: int,
) -> Float[Tensor, ""]:
    """Average of `clip_loss` over micro-batches: NOT the loss of the big batch.

    (1/B) Σ_b L_CLIP(micro-batch b),  B = ⌈N / micro_batch_size⌉

    This is what plain gradient accumulation computes. For a loss that is a mean over samples it equals the
    big batch's. InfoNCE is not such a loss: every sample is a negative of every other one, and here pairs
    meet only inside their micro-batch. N/B − 1 negatives are left of N − 1, and the chance level falls from
    log N to log(N/B).

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.
    micro_batch_size : int, at least 1
        Pairs per micro-batch. The last one may be shorter, and still counts as much as the others.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        Equal to the loss of the whole batch where one micro-batch holds it all. With micro-batches of one
        size never above it: leaving out negatives only makes the task easier.

    Raises
    ------
    TypeError, ValueError
        As for `accumulated_loss`.

    Examples
    --------
    >>> import torch
    >>> mean_of_micro_batch_losses(torch.eye(4), torch.eye(4), 0.0, micro_batch_size=2)  # log 2, not log 4
    tensor(0.6931)
    """
    _check(image_features, text_features, logit_scale, micro_batch_size)
    return _mean_of_micro_batch_losses(image_features, text_features, logit_scale, micro_batch_size)


def _check(image_features: Any, text_features: Any, logit_scale: Any, micro_batch_size: Any) -> None:
    check_paired(image_features, text_features)
    check_scale("logit_scale", logit_scale)
    check_int("micro_batch_size", micro_batch_size, low=1)


def _accumulated_loss(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, micro_batch_size: int
) -> Tensor:
    row_loss = image_features.new_zeros(())
    positives = []
    columns = image_features.new_full((len(text_features),), -torch.inf)  # the log-sum-exp of no logits yet
    start = 0
    for images in image_features.split(micro_batch_size):
        block = _logits(images, text_features, logit_scale)
        # Row r of this block is image start + r. A copy, since a view would keep the whole block alive.
        positive = block.diagonal(offset=start).clone()
        row_loss = row_loss + (torch.logsumexp(block, dim=1) - positive).sum()
        columns = torch.logaddexp(columns, torch.logsumexp(block, dim=0))
        positives.append(positive)
        start += len(images)
    # Differences first, sums second: at hot scales the summed logits are large and their difference is small.
    column_loss = (columns - torch.cat(positives)).sum()
    return (row_loss + column_loss) / (2 * len(image_features))


def _mean_of_micro_batch_losses(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, micro_batch_size: int
) -> Tensor:
    micro_batches = zip(
        image_features.split(micro_batch_size), text_features.split(micro_batch_size), strict=True
    )
    return torch.stack([_clip_loss(images, texts, logit_scale) for images, texts in micro_batches]).mean()
