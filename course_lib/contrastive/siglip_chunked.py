"""The sigmoid loss block by block: exact for any size of block, since no pair needs to know another."""

from typing import Any

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course_lib.contrastive.infonce import _logits
from course_lib.contrastive.siglip import _check
from course_lib.validate import check_int

#: Rows and columns of a block.
CHUNK = 512


def siglip_loss_chunked(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    logit_bias: float | Float[Tensor, ""],
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    """`siglip_loss`, from blocks of [chunk, chunk] logits.

    L = −(1/N) Σ_blocks Σ_{ij in block} log σ( z_ij (logit_scale · I_i·T_j + logit_bias) )

    A pair is positive if i = j over the whole batch, so only blocks on the diagonal hold positives.

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.
    logit_bias : float or 0-d Tensor
        b, added to every logit; gradients flow to a tensor.
    chunk : int, at least 1, default 512
        Images, and texts, per block. It need not divide the batch and may exceed it.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The value and the gradients of `siglip_loss`, whatever the ``chunk``, up to rounding.

    Raises
    ------
    TypeError, ValueError
        As for `siglip_loss`, or if ``chunk`` is not an integer of at least 1.

    References
    ----------
    Zhai et al. 2023, arXiv:2303.15343, section 3.3, where the blocks lie on different devices.

    Examples
    --------
    >>> import torch
    >>> siglip_loss_chunked(torch.eye(4), torch.eye(4), 0.0, 0.0, chunk=3)  # 4 log 2
    tensor(2.7726)
    """
    _check(image_features, text_features, logit_scale, logit_bias)
    check_int("chunk", chunk, low=1)
    return _siglip_loss_chunked(image_features, text_features, logit_scale, logit_bias, chunk)


def _siglip_loss_chunked(
    image_features: Tensor, text_features: Tensor, logit_scale: Any, logit_bias: Any, chunk: int
) -> Tensor:
    loss = image_features.new_zeros(())
    for row, images in enumerate(image_features.split(chunk)):
        for column, texts in enumerate(text_features.split(chunk)):
            logits = _logits(images, texts, logit_scale) + logit_bias
            # Every pair as a negative; log σ(−ℓ) = log σ(ℓ) − ℓ turns those of the diagonal into positives.
            loss = loss - F.logsigmoid(-logits).sum()
            if row == column:
                loss = loss - logits.diagonal().sum()
    return loss / len(image_features)
