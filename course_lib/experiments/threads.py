"""How many threads torch computes on: measurements take one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def on_threads(number: int) -> Iterator[None]:
    """Let torch compute on so many threads meanwhile.

    Timed measurements take one: many small products on two threads wait for each other, and
    where another program has one of two cores, as it often has, they take up to twenty times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
