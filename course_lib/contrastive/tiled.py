"""InfoNCE tile by tile: the exact loss and its exact gradients, without the N×N matrix of logits.

A softmax needs its normaliser before it can give any gradient, so the logits are visited twice: once for the
normalisers of all rows and columns, and again, once those are known, for the gradients. Computing the logits
twice makes four matrix products in all (logits, logits again, G T, Gᵀ I); with the logits kept it is three.
The numerical core is in ``_tiled_softmax``.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive._tiled_grads import LogitGrads, Wanted, refuse_second_derivative
from course_lib.contrastive._tiled_softmax import Softmaxes, gather_grads, sweep
from course_lib.contrastive._tiles import TILE
from course_lib.contrastive.infonce import _check
from course_lib.validate import check_int


def tiled_clip_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    tile: int = TILE,
    memory_budget: int = 0,
) -> Float[Tensor, ""]:
    """`clip_loss` of the whole batch, from tiles of [tile, tile] logits.

    L = (1/2N) Σ_i [ (log Σ_j exp ℓ_ij − ℓ_ii) + (log Σ_j exp ℓ_ji − ℓ_ii) ]

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.
    tile : int, at least 1, default 1024
        Rows and columns of a tile. It need not divide the batch and may exceed it. 1024 suits a
        processor's cache; a graphics card wants a few thousand.
    memory_budget : int, at least 0, default 0
        Bytes that may be spent on keeping tiles from the forward to the backward pass, in place of computing
        them again. As many tiles are kept as fit. All of them take batch² numbers (256 MiB in float32 for a
        batch of 8192) and save one matrix product of four. Nothing is kept when no gradient is asked for.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The value and the gradients of `clip_loss`, whatever the ``tile`` and the ``memory_budget``, up to
        rounding.

    Raises
    ------
    TypeError, ValueError
        As for `clip_loss`, or if ``tile`` is not an integer of at least 1, or ``memory_budget`` not one of at
        least 0.
    RuntimeError
        If the backward pass is to be differentiated, too (``create_graph=True``): `clip_loss` can be.

    Notes
    -----
    Beyond its arguments, the loss needs two tiles and O(batch) numbers, its backward pass the gradients and
    two tiles: O(batch · dim), where `clip_loss` needs O(batch²).

    One exponential serves both directions wherever its sums can hold it, and rows and columns get a shift of
    their own where they cannot (hot scales with pairs far apart), so any scale is exact up to the rounding of
    the logits themselves, about logit_scale · eps.

    References
    ----------
    Cheng et al. 2024, arXiv:2410.17243 (tiles for contrastive losses); Dao et al. 2022, arXiv:2205.14135
    (computing a softmax's logits again for its backward pass).

    Examples
    --------
    >>> import torch
    >>> tiled_clip_loss(torch.eye(4), torch.eye(4), 0.0, tile=3)  # log 4
    tensor(1.3863)
    """
    _check(image_features, text_features, logit_scale)
    check_int("tile", tile, low=1)
    check_int("memory_budget", memory_budget, low=0)
    return _tiled_clip_loss(image_features, text_features, logit_scale, tile, memory_budget)


def _tiled_clip_loss(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, tile: int, memory_budget: int
) -> Tensor:
    inputs = (image_features, text_features, logit_scale)
    differentiable = any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
    if not (differentiable and torch.is_grad_enabled()):
        memory_budget = 0
    loss: Tensor = _TiledClipLoss.apply(*inputs, tile, memory_budget)
    return loss


class _TiledClipLoss(torch.autograd.Function):
    """The forward sweep finds the normalisers, the backward sweep turns them into gradients."""

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, text: Tensor, logit_scale: float | Tensor, tile: int, memory_budget: int
    ) -> Tensor:
        ctx.scale, ctx.tile = float(logit_scale), tile
        softmaxes, log_probabilities = sweep(image, text, ctx.scale, tile, memory_budget)
        ctx.shift = softmaxes.shift
        # Saved in autograd's way, so that they are freed with the graph and a change in place is noticed.
        ctx.save_for_backward(image, text, softmaxes.rows, softmaxes.columns, *softmaxes.kept)
        return -log_probabilities.sum() / (2 * len(image))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative("tiled_clip_loss", instead="clip_loss")
        image, text, rows, columns, *kept = ctx.saved_tensors
        grads = LogitGrads(image, text, Wanted(*ctx.needs_input_grad[:3]))
        gather_grads(image, text, ctx.scale, ctx.tile, Softmaxes(rows, columns, ctx.shift, kept), grads)
        return (*grads.scaled(ctx.scale, upstream / (2 * len(image)), ctx.tile), None, None)
