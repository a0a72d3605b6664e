"""An N×N matrix visited in tiles small enough for the processor's cache, without the matrix."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

#: Rows and columns of a tile. 1024² float32 numbers are 4 MiB: they stay in a processor's cache, and are work
#: enough that its cores seldom wait for one another.
TILE = 1024


class Tile(NamedTuple):
    """Where a tile lies in the matrix."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; the tiles at the lower and right margins may be smaller than the others."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def positives(self, values: Tensor) -> Tensor:
        """View of those entries of the tile's ``values`` that lie on the diagonal of the whole matrix."""
        on_the_diagonal = self.rows == self.columns
        return values.diagonal() if on_the_diagonal else values.new_empty(0)


def tiles(batch: int, size: int) -> Iterator[Tile]:
    """Visit the whole [batch, batch] matrix, row of tiles by row of tiles.

    Examples
    --------
    >>> [tile.shape for tile in tiles(batch=5, size=3)]
    [(3, 3), (3, 2), (2, 3), (2, 2)]
    """
    for rows in slices(batch, size):
        for columns in slices(batch, size):
            yield Tile(rows, columns)


def slices(batch: int, size: int) -> list[slice]:
    """``range(batch)`` in pieces of ``size``, the last one shorter where it has to be.

    Examples
    --------
    >>> slices(batch=5, size=3)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return [slice(start, min(start + size, batch)) for start in range(0, batch, size)]


class Scratch:
    """Memory for one tile at a time; every tile overwrites the one before.

    Allocated once, so that it stays in the cache: fresh memory for every tile would have to be fetched, and
    given back, each time.
    """

    def __init__(self, batch: int, size: int, like: Tensor):
        self._values = like.new_empty(min(batch, size) ** 2)

    def __call__(self, tile: Tile) -> Tensor:
        """Return uninitialised memory in the tile's shape, contiguous whatever that is."""
        rows, columns = tile.shape
        return self._values[: rows * columns].view(rows, columns)


def scaled_products(image: Tensor, text: Tensor, scale: float, tile: Tile, out: Tensor) -> Tensor:
    """Return one tile of logit_scale · I Tᵀ, written into ``out``.

    Examples
    --------
    >>> import torch
    >>> corner = Tile(slice(1, 2), slice(1, 2))
    >>> scaled_products(torch.eye(2), torch.eye(2), 10.0, corner, out=torch.empty(1, 1))
    tensor([[10.]])
    """
    # beta=0: whatever ``out`` held before is not even read. The scale costs no pass of its own.
    return out.addmm_(image[tile.rows], text[tile.columns].T, beta=0, alpha=scale)
