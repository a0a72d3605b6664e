"""InfoNCE tile by tile: the exact loss and its exact gradients, without the N×N matrix of logits."""

from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.accumulation import _accumulated_loss
from course_lib.contrastive.infonce import _check
from course_lib.validate import check_int

#: Rows of a tile.
TILE = 512


def tiled_clip_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    tile: int = TILE,
) -> Float[Tensor, ""]:
    """`clip_loss` of the whole batch, in tiles of logits that are computed again for the backward pass.

    L = (1/2N) Σ_i [ (log Σ_j exp ℓ_ij − ℓ_ii) + (log Σ_j exp ℓ_ji − ℓ_ii) ]

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.
    tile : int, at least 1, default 512
        Images per tile. It need not divide the batch and may exceed it.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The value and the gradients of `clip_loss`, whatever the ``tile``, up to rounding.

    Raises
    ------
    TypeError, ValueError
        As for `clip_loss`, or if ``tile`` is not an integer of at least 1.

    Examples
    --------
    >>> import torch
    >>> tiled_clip_loss(torch.eye(4), torch.eye(4), 0.0, tile=3)  # log 4
    tensor(1.3863)
    """
    _check(image_features, text_features, logit_scale)
    check_int("tile", tile, low=1)
    return _accumulated_loss(image_features, text_features, logit_scale, tile)
