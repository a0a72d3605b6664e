"""The sigmoid loss block by block: exact for any size of block, since no pair needs to know another.

There is no normaliser to wait for, so a block gives its part of the loss and of every gradient at once: one
sweep of three matrix products (logits, G T, Gᵀ I), and no logits are kept for the backward pass.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course_lib.contrastive._tiled_grads import LogitGrads, Wanted, refuse_second_derivative
from course_lib.contrastive._tiles import TILE, Scratch, scaled_products, tiles
from course_lib.contrastive.siglip import _check
from course_lib.validate import check_int


def siglip_loss_chunked(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    logit_bias: float | Float[Tensor, ""],
    chunk: int = TILE,
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
    chunk : int, at least 1, default 1024
        Images, and texts, per block. It need not divide the batch and may exceed it.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The value and the gradients of `siglip_loss`, whatever the ``chunk``, up to rounding.

    Raises
    ------
    TypeError, ValueError
        As for `siglip_loss`, or if ``chunk`` is not an integer of at least 1.
    RuntimeError
        If the backward pass is to be differentiated, too (``create_graph=True``): `siglip_loss` can be.

    Notes
    -----
    Where gradients are asked for, they are computed along with the loss and kept until the backward pass:
    O(batch · dim) memory besides one block, where `siglip_loss` needs O(batch²).

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
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: float | Tensor,
    logit_bias: float | Tensor,
    chunk: int,
    with_positives: bool = True,
) -> Tensor:
    inputs = (image_features, text_features, logit_scale, logit_bias)
    recorded = torch.is_grad_enabled()
    wanted = tuple(recorded and isinstance(x, Tensor) and x.requires_grad for x in inputs)
    loss: Tensor = _SiglipLoss.apply(*inputs, chunk, wanted, with_positives)
    return loss


class _SiglipLoss(torch.autograd.Function):
    """Loss and gradients in one sweep; the backward pass only multiplies them by the upstream gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        text: Tensor,
        logit_scale: float | Tensor,
        logit_bias: float | Tensor,
        chunk: int,
        wanted: tuple[bool, ...],
        with_positives: bool,
    ) -> Tensor:
        scale, bias = float(logit_scale), float(logit_bias)
        loss, grads = _sweep(image, text, scale, bias, chunk, wanted, with_positives)
        ctx.save_for_backward(*grads)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative("siglip_loss_chunked", instead="siglip_loss")
        grads = (None if grad is None else grad * upstream for grad in ctx.saved_tensors)
        return (*grads, None, None, None)


def _sweep(
    image: Tensor,
    text: Tensor,
    scale: float,
    bias: float,
    chunk: int,
    wanted: tuple[bool, ...],
    with_positives: bool,
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    *wanted_by_logits, wanted_by_bias = wanted
    grads = LogitGrads(image, text, Wanted(*wanted_by_logits))
    losses, grad_biases = [], []
    memory = Scratch(len(image), chunk, image)
    for tile in tiles(len(image), chunk):
        logits = scaled_products(image, text, scale, tile, out=memory(tile)).add_(bias)
        # To −z ℓ: a negative's logit as it is, a positive's with the other sign.
        if with_positives:
            tile.positives(logits).neg_()
        losses.append(F.logsigmoid(-logits).sum())
        if any(wanted):
            grad = logits.sigmoid_()  # to G = −z σ(−z ℓ), without the 1/N
            if with_positives:
                tile.positives(grad).neg_()
            grad_biases.append(grad.sum())
            grads.add(tile, grad)
    loss = -torch.stack(losses).sum() / len(image)
    grad_bias = torch.stack(grad_biases).sum() / len(image) if wanted_by_bias else None
    return loss, (*grads.scaled(scale, 1 / len(image), chunk), grad_bias)
