"""A large batch on its way through the tiles of its logits, and what fills the memory."""

import math
from dataclasses import dataclass

import numpy as np

from course_lib.validate import check_int

#: Whole matrices alive at once when autograd differentiates the plain loss, measured in lesson 04.
MATRICES = 6
#: Tiles alive at once.
TILES = 2
DIM = 512
FLOAT = 4


@dataclass(frozen=True)
class TilesState:
    """A batch on its way through the forward sweep.

    Parameters
    ----------
    batch : int, at least 1
        N.
    tile : int, at least 1
        Rows and columns of a tile.
    visited : int, at least 0
        Tiles that are done, row by row; all of them at most.
    chunk : int, at least 1
        Pairs encoded at a time with gradient caching.
    per_pair : float
        Bytes of activations that an encoder keeps for one pair.

    Raises
    ------
    TypeError, ValueError
        If a count is no integer in its range.
    """

    batch: int
    tile: int
    visited: int
    chunk: int
    per_pair: float

    def __post_init__(self) -> None:
        for name in ("batch", "tile", "chunk"):
            check_int(name, getattr(self, name), low=1)
        check_int("visited", self.visited, low=0, high=self.side**2)

    @property
    def side(self) -> int:
        """Tiles along an edge of the matrix."""
        return math.ceil(self.batch / self.tile)

    @property
    def rows_done(self) -> int:
        """Rows of tiles whose normalisers are final."""
        return self.visited // self.side

    @property
    def columns_seen(self) -> np.ndarray:
        """For each column of tiles, the share of its images that it has seen."""
        whole, rest = divmod(self.visited, self.side)
        return (whole + (np.arange(self.side) < rest)) / self.side

    @property
    def rows_seen(self) -> np.ndarray:
        """For each row of tiles, the share of its texts that it has seen."""
        return np.clip((self.visited - np.arange(self.side) * self.side) / self.side, 0, 1)

    def memory(self, *, saving: bool) -> dict[str, float]:
        """Bytes for activations, logits and features; `saving` with tiles and gradient caching."""
        batch, tile = self.batch, min(self.tile, self.batch)
        return {
            "activations": self.per_pair * (min(self.chunk, batch) if saving else batch),
            "logits": FLOAT * (TILES * tile**2 if saving else MATRICES * batch**2),
            "features": FLOAT * 2 * batch * DIM,
        }


def size(count: float) -> str:
    """Bytes, in the unit that leaves 1 to 999 of them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
