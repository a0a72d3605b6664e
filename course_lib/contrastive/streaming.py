"""The normalisers of a softmax that is never whole: over chunks of a row, over tiles of a matrix."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.infonce import _check, _logits
from course_lib.validate import (
    check_array,
    check_int,
    check_matrix,
    check_same_kind,
    check_same_shape,
    check_scale,
)


class TileStatistics(NamedTuple):
    """What the forward pass leaves of N² logits: 2N log-sum-exps."""

    rows: Float[Tensor, "batch"]
    columns: Float[Tensor, "batch"]


class TileGradients(NamedTuple):
    """Gradients of upstream · clip_loss, named and shaped as the arguments they belong to."""

    image_features: Float[Tensor, "batch dim"]
    text_features: Float[Tensor, "batch dim"]
    logit_scale: Float[Tensor, ""]


def streaming_logsumexp(logits: Float[Tensor, "rows columns"], chunk_size: int) -> Float[Tensor, "rows"]:
    """Log-sum-exp of each row, from ``chunk_size`` columns at a time, in one pass.

    With m the maximum and S = Σ exp(ℓ_j − m) of the columns so far, a chunk with maximum c gives

    m' = max(m, c),  S' = S · exp(m − m') + Σ_{j in chunk} exp(ℓ_j − m');  at the end m + log S.

    Parameters
    ----------
    logits : Tensor, shape [rows, columns], float32 or float64
    chunk_size : int, at least 1
        Columns per chunk. It need not divide their number (the last chunk is shorter) and may exceed it.

    Returns
    -------
    Tensor, shape [rows], dtype of ``logits``

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a finite, non-empty float matrix, or ``chunk_size`` is not an integer of at
        least 1.

    Notes
    -----
    It is the old sum that is rescaled, to the new maximum. exp never gets an argument above 0, so nothing
    overflows, and S stays between 1 and the number of columns.

    References
    ----------
    Milakov and Gimelshein 2018, arXiv:1805.02867, algorithm 3.

    Examples
    --------
    >>> import torch
    >>> streaming_logsumexp(torch.tensor([[0.0, 0.0, 0.0, 0.0], [1000.0, 0.0, 0.0, 1000.0]]), chunk_size=3)
    tensor([   1.3863, 1000.6932])
    """
    check_matrix("logits", logits, axes=("rows", "columns"))
    check_int("chunk_size", chunk_size, low=1)
    return _streaming_logsumexp(logits, chunk_size)


def tile_statistics(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    tile: int,
) -> TileStatistics:
    """Log-sum-exps of all rows and all columns of the logits, from ``tile`` × ``tile`` of them at a time.

    r_i = log Σ_j exp ℓ_ij,  c_j = log Σ_i exp ℓ_ij

    A tile completes neither its rows nor its columns. Both are merged with what was there before:
    r_i ← log(exp r_i + exp(log-sum-exp of the tile's row)).

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.
    tile : int, at least 1
        Rows and columns of a tile. It need not divide the batch and may exceed it.

    Returns
    -------
    TileStatistics
        ``rows`` and ``columns``, each of shape [batch]. The loss is mean((r_i + c_i)/2 − ℓ_ii).

    Raises
    ------
    TypeError, ValueError
        As for `clip_loss`, or if ``tile`` is not an integer of at least 1.

    Notes
    -----
    Written to be read; `tiled_clip_loss` is the fast one.

    References
    ----------
    Cheng et al. 2024, arXiv:2410.17243, section 3.2.

    Examples
    --------
    >>> import torch
    >>> tile_statistics(torch.eye(3), torch.eye(3), 0.0, tile=2).rows  # log 3
    tensor([1.0986, 1.0986, 1.0986])
    """
    _check(image_features, text_features, logit_scale)
    check_int("tile", tile, low=1)
    return _tile_statistics(image_features, text_features, logit_scale, tile)


def tile_gradients(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    rows: Float[Tensor, "batch"],
    columns: Float[Tensor, "batch"],
    upstream: float | Float[Tensor, ""],
    tile: int,
) -> TileGradients:
    """Gradients of `clip_loss` with ``tile`` × ``tile`` logits at a time, computed again from the features.

    G_ij = upstream · (exp(ℓ_ij − r_i) + exp(ℓ_ij − c_j) − 2·[i = j]) / (2N)

    ∂I_i = logit_scale · Σ_j G_ij T_j,  ∂T_j = logit_scale · Σ_i G_ij I_i,  ∂logit_scale = Σ_ij G_ij I_i·T_j

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.
    rows, columns : Tensor, shape [batch], dtype of ``image_features``
        r and c of `tile_statistics`: once they are known, every tile's share is final.
    upstream : float or 0-d Tensor
        The derivative of what is differentiated with respect to the loss; 1 for the loss itself.
    tile : int, at least 1
        Rows and columns of a tile.

    Returns
    -------
    TileGradients

    Raises
    ------
    TypeError, ValueError
        As for `tile_statistics`, or if ``rows`` or ``columns`` does not fit the batch.

    Examples
    --------
    >>> import torch
    >>> known = tile_statistics(torch.eye(2), torch.eye(2), 0.0, tile=1)
    >>> tile_gradients(torch.eye(2), torch.eye(2), 0.0, *known, upstream=1.0, tile=1).logit_scale
    tensor(-0.5000)
    """
    _check(image_features, text_features, logit_scale)
    for name, statistics in (("rows", rows), ("columns", columns)):
        check_array(name, statistics, axes=("batch",))
        check_same_kind(name, statistics, "image_features", image_features)
        check_same_shape(name, statistics, "image_features[:, 0]", image_features[:, 0])
    check_scale("upstream", upstream)
    check_int("tile", tile, low=1)
    return _tile_gradients(image_features, text_features, logit_scale, rows, columns, upstream, tile)


def _streaming_logsumexp(logits: Tensor, chunk_size: int) -> Tensor:
    maximum = logits.new_full(logits.shape[:1], -torch.inf)
    total = logits.new_zeros(logits.shape[:1])
    for chunk in logits.split(chunk_size, dim=1):
        larger = torch.maximum(maximum, chunk.detach().amax(dim=1))
        total = total * (maximum - larger).exp() + (chunk - larger[:, None]).exp().sum(dim=1)
        maximum = larger
    return maximum + total.log()


def _tile_statistics(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, tile: int
) -> TileStatistics:
    columns = image_features.new_full((len(text_features),), -torch.inf)
    row_blocks = []
    for images in image_features.split(tile):
        row_block = images.new_full((len(images),), -torch.inf)
        column_blocks = []
        for texts, column_block in zip(text_features.split(tile), columns.split(tile), strict=True):
            logits = _logits(images, texts, logit_scale)
            row_block = torch.logaddexp(row_block, logits.logsumexp(dim=1))
            column_blocks.append(torch.logaddexp(column_block, logits.logsumexp(dim=0)))
        columns = torch.cat(column_blocks)
        row_blocks.append(row_block)
    return TileStatistics(torch.cat(row_blocks), columns)


def _tile_gradients(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: float | Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: float | Tensor,
    tile: int,
) -> TileGradients:
    batch = len(image_features)
    share = upstream / (2 * batch)
    grad_images, grad_texts = torch.zeros_like(image_features), torch.zeros_like(text_features)
    grad_scale = image_features.new_zeros(())
    for i in range(0, batch, tile):
        for j in range(0, batch, tile):
            images, texts = image_features[i : i + tile], text_features[j : j + tile]
            products = images @ texts.T
            logits = products * logit_scale
            grad = (logits - rows[i : i + tile, None]).exp() + (logits - columns[None, j : j + tile]).exp()
            if i == j:  # tiles are squares, so the pairs stand on the diagonals of diagonal tiles
                grad = grad - 2 * torch.eye(len(images), dtype=grad.dtype, device=grad.device)
            grad = grad * share
            grad_images[i : i + tile] += logit_scale * grad @ texts
            grad_texts[j : j + tile] += logit_scale * grad.T @ images
            grad_scale += (grad * products).sum()
    return TileGradients(grad_images, grad_texts, grad_scale)
