"""Weights that go back and forth between two codes while they are trained."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from course_lib.quantization.checks import check_codes
from course_lib.validate import check_int


def oscillating(codes: Int[Tensor, "steps *weights"], least: int = 2) -> Bool[Tensor, "*weights"]:
    """Say which weights reversed their direction, in a record of their codes.

    A change of a code is a reversal if the change before it, however long ago, had the other sign.

    Parameters
    ----------
    codes : integer Tensor, shape [steps, ...]
        The codes after each of several steps of training.
    least : int ≥ 1, default 2
        How many reversals make an oscillation.

    Returns
    -------
    Tensor of bool, shape of one step
        Which weights oscillate.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` are no integers, fewer than two steps, or ``least`` is no positive integer.

    References
    ----------
    Nagel et al. 2022, arXiv:2203.08452, section 2.

    Examples
    --------
    >>> record = torch.tensor([[0, 0, 3], [1, 1, 3], [0, 2, 3], [1, 3, 3]])
    >>> oscillating(record)
    tensor([ True, False, False])
    """
    check_codes("codes", codes)
    if codes.ndim < 2 or len(codes) < 2:
        raise ValueError(f"codes must be [steps, ...] of at least 2 steps, got shape {list(codes.shape)}.")
    check_int("least", least, low=1)
    directions = torch.diff(codes.to(torch.int32), dim=0).sign()
    last = torch.zeros_like(directions[0])
    reversals = torch.zeros_like(last)
    for direction in directions:
        reversals += (direction * last == -1).to(reversals.dtype)
        last = torch.where(direction == 0, last, direction)
    return reversals >= least
