"""Both softmaxes of a matrix of logits, over its rows and over its columns, visited in tiles.

There are two ways to hold the normalisers. Where ``shift`` is a number, ``rows`` holds Σ_j exp(ℓ_ij − shift),
``columns`` likewise, and one exponential per logit serves both directions. Where it is None, ``rows`` holds
log Σ_j exp ℓ_ij, each row and column is shifted by its own maximum, and each logit needs two exponentials.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.contrastive._tiled_grads import LogitGrads
from course_lib.contrastive._tiles import Scratch, Tile, scaled_products, tiles


class Softmaxes(NamedTuple):
    """What the backward sweep needs to know of the forward one."""

    rows: Tensor
    columns: Tensor
    shift: float | None
    kept: list[Tensor]  # the first tiles, in the order of the visit: exp(ℓ − shift), or ℓ where it is None


def sweep(
    image: Tensor, text: Tensor, scale: float, size: int, memory_budget: int = 0
) -> tuple[Softmaxes, Tensor]:
    """Visit all logits once: the normalisers, and log P_row(ii) + log P_col(ii) of every pair i.

    Examples
    --------
    >>> softmaxes, log_probabilities = sweep(torch.eye(3), torch.eye(3), scale=0.0, size=2)
    >>> softmaxes.rows, log_probabilities  # Σ exp 0 = 3, and −2 log 3
    (tensor([3., 3., 3.]), tensor([-2.1972, -2.1972, -2.1972]))
    """
    found = _sweep_with_one_shift(image, text, scale, _Keeper(image, size, memory_budget))
    if found is not None:
        return found
    return _sweep_with_own_shifts(image, text, scale, _Keeper(image, size, memory_budget))


def gather_grads(
    image: Tensor, text: Tensor, scale: float, size: int, softmaxes: Softmaxes, grads: LogitGrads
) -> None:
    """Visit all logits a second time, handing G = P_row + P_col − 2·identity to ``grads``.

    Examples
    --------
    >>> from course_lib.contrastive._tiled_grads import Wanted
    >>> eye = torch.eye(2)
    >>> softmaxes, _ = sweep(eye, eye, scale=0.0, size=2)
    >>> grads = LogitGrads(eye, eye, Wanted(True, False, False))
    >>> gather_grads(eye, eye, 0.0, 2, softmaxes, grads)
    >>> grads.scaled(scale=1.0, factor=1.0, size=2)[0]
    tensor([[-1.,  1.],
            [ 1., -1.]])
    """
    shift, rows, columns = softmaxes.shift, softmaxes.rows[:, None], softmaxes.columns[None, :]
    if shift is not None:
        rows, columns = 1 / rows, 1 / columns
    recomputed, weights = Scratch(len(image), size, image), Scratch(len(image), size, image)
    for visit, tile in enumerate(tiles(len(image), size)):
        if visit < len(softmaxes.kept):
            values = softmaxes.kept[visit]
        else:
            values = scaled_products(image, text, scale, tile, out=recomputed(tile))
            if shift is not None:
                _exp_(values.sub_(shift))
        grad = weights(tile)  # never in ``values``: a kept tile must survive for another backward pass
        if shift is not None:  # exp(ℓ − shift) · (1/Σ_row + 1/Σ_column)
            torch.add(rows[tile.rows], columns[:, tile.columns], out=grad).mul_(values)
        else:
            _exp_(torch.sub(values, rows[tile.rows], out=grad))
            grad.add_(_exp_(values - columns[:, tile.columns]))
        tile.positives(grad).sub_(2)
        grads.add(tile, grad)


class _Keeper:
    """Memory for the tiles of the forward sweep: of their own, to be kept, as long as the budget lasts."""

    def __init__(self, like: Tensor, size: int, budget: int):
        self.size, self.kept = size, list[Tensor]()
        self._like, self._left = like, budget
        self._scratch = Scratch(len(like), size, like)

    def __call__(self, tile: Tile) -> Tensor:
        rows, columns = tile.shape
        self._left -= rows * columns * self._like.element_size()
        if self._left < 0:  # and it stays so: the kept tiles are the first ones
            return self._scratch(tile)
        self.kept.append(self._like.new_empty(rows, columns))
        return self.kept[-1]


def _common_shift(image: Tensor, text: Tensor, scale: float) -> float:
    """Smallest shift ≥ 0 with which no sum of ``len(image)`` exponentials can overflow."""
    longest = [torch.linalg.vector_norm(features, dim=1).max() for features in (image, text)]
    largest_logit = abs(scale) * float(longest[0]) * float(longest[1])
    # The 1 is a margin for rounding.
    largest_exponent = math.log(torch.finfo(image.dtype).max) - math.log(len(image)) - 1
    return max(0.0, largest_logit - largest_exponent)


def _lowest_exponent(dtype: torch.dtype) -> float:
    return math.log(torch.finfo(dtype).tiny) + 1


def _exp_(exponents: Tensor) -> Tensor:
    """Exponential in place, at least 3e-38 in float32: where it underflows, exp takes ten times as long."""
    return exponents.clamp_(min=_lowest_exponent(exponents.dtype)).exp_()


def _smallest_sum(image: Tensor) -> float:
    """Below it, exponentials that were lifted to the smallest one could show in the last digit."""
    return len(image) * math.exp(_lowest_exponent(image.dtype)) / torch.finfo(image.dtype).eps


def _log_sum_exp(values: Tensor, dim: int) -> Tensor:
    largest = values.amax(dim=dim, keepdim=True)
    return largest.squeeze(dim) + _exp_(values - largest).sum(dim=dim).log()


def _sweep_with_one_shift(
    image: Tensor, text: Tensor, scale: float, memory: _Keeper
) -> tuple[Softmaxes, Tensor] | None:
    """One exponential per logit, or None if a sum comes out too small to be exact."""
    shift = _common_shift(image, text, scale)
    rows, columns, positives = (image.new_zeros(len(image)) for _ in range(3))
    for tile in tiles(len(image), memory.size):
        values = scaled_products(image, text, scale, tile, out=memory(tile))
        if shift > 0:
            values.sub_(shift)
        if tile.rows == tile.columns:
            positives[tile.rows] = tile.positives(values)
        _exp_(values)
        rows[tile.rows] += values.sum(dim=1)
        columns[tile.columns] += values.sum(dim=0)
        row_is_complete = tile.columns.stop == len(image)
        if row_is_complete and rows[tile.rows].min() < _smallest_sum(image):
            return None
    if columns.min() < _smallest_sum(image):
        return None
    # Each difference before any sum: at hot scales the summed logits are large and their difference is small.
    log_probabilities = (positives - rows.log()) + (positives - columns.log())
    return Softmaxes(rows, columns, shift, memory.kept), log_probabilities


def _sweep_with_own_shifts(
    image: Tensor, text: Tensor, scale: float, memory: _Keeper
) -> tuple[Softmaxes, Tensor]:
    """Exact at any scale: log-sum-exps, carried from tile to tile."""
    rows, columns = (image.new_full((len(image),), -torch.inf) for _ in range(2))
    positives = torch.empty_like(rows)
    for tile in tiles(len(image), memory.size):
        values = scaled_products(image, text, scale, tile, out=memory(tile))
        if tile.rows == tile.columns:
            positives[tile.rows] = tile.positives(values)
        rows[tile.rows] = torch.logaddexp(rows[tile.rows], _log_sum_exp(values, dim=1))
        columns[tile.columns] = torch.logaddexp(columns[tile.columns], _log_sum_exp(values, dim=0))
    log_probabilities = (positives - rows) + (positives - columns)
    return Softmaxes(rows, columns, None, memory.kept), log_probabilities
