"""Pairs as the web gives them: some captions belong to another picture."""

import torch
from jaxtyping import Int64
from torch import Tensor

from course_lib.validate import check_int, check_share


def corrupt_pairs(num_pairs: int, share: float, seed: int = 0) -> Int64[Tensor, " num_pairs"]:
    """Return for each pair the row whose caption it gets: its own, but for a random share of the pairs.

    Exactly K = round(share · num_pairs) captions change places among themselves, along one random cycle, so
    that none of them stays with its picture.

    Parameters
    ----------
    num_pairs : int, at least 1
        How many pairs there are.
    share : float, from 0 to 1
        How many of them are to be wrong. K must not be 1: one caption alone has nowhere to go.
    seed : int, default 0
        At least 0.

    Returns
    -------
    Tensor, shape [num_pairs], int64
        A permutation: ``captions[corrupt_pairs(...)]`` are the noisy captions.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a number in its range, or exactly one caption would be wrong.

    Examples
    --------
    >>> rows = corrupt_pairs(10, 0.3)
    >>> int((rows != torch.arange(10)).sum())
    3
    """
    check_int("num_pairs", num_pairs, low=1)
    check_share("share", share)
    check_int("seed", seed, low=0)
    count = round(share * num_pairs)
    if count == 1:
        raise ValueError(
            "share must corrupt no caption or at least two, which change places, "
            f"got {share}: one of {num_pairs}."
        )
    order = torch.randperm(num_pairs, generator=torch.Generator().manual_seed(seed))[:count]
    rows = torch.arange(num_pairs)
    rows[order] = order.roll(1)
    return rows
