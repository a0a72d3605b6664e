"""Where a softmax without a shift overflows."""

import math

from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.validate import check_array, check_int, check_positive


def is_stable(logit_scale: Float[Tensor, " scales"], batch: int, largest: float) -> Bool[Tensor, " scales"]:
    """Whether the denominator of a softmax *without* a shift stays finite, whatever the cosines are.

    N · exp(logit_scale) ≤ largest, that is logit_scale ≤ log(largest) − log N: with all N cosines at 1 the
    denominator Σ_j exp(logit_scale · s_ij) is N exp(logit_scale), and no batch has a larger one.

    Parameters
    ----------
    logit_scale : Tensor, shape [scales], float32 or float64, each > 0
        Scales 1/τ to be judged.
    batch : int, at least 1
        N, the terms of the denominator.
    largest : float, > 0
        Largest finite number of the dtype in which the softmax is computed: ``torch.finfo(dtype).max``.

    Returns
    -------
    Tensor of bool, shape [scales]

    Raises
    ------
    TypeError, ValueError
        If ``logit_scale`` is not a finite, non-empty float vector of numbers > 0, ``batch`` not an integer of
        at least 1, or ``largest`` not a finite number > 0.

    Notes
    -----
    The comparison is made between logarithms: N · exp(logit_scale) is the number that may overflow. With a
    shift by the row's maximum every scale is safe, and the question does not arise.

    Examples
    --------
    >>> import torch
    >>> is_stable(torch.tensor([80.0, 88.0, 100.0]), 1, torch.finfo(torch.float32).max)  # log: 88.72
    tensor([ True,  True, False])
    >>> is_stable(torch.tensor([80.0]), 32_768, torch.finfo(torch.float32).max)  # 88.72 − 10.40
    tensor([False])
    """
    check_array("logit_scale", logit_scale, ("scales",))
    smallest = logit_scale.detach().min()
    check_positive("logit_scale", smallest)
    check_int("batch", batch, low=1)
    check_positive("largest", largest)
    return logit_scale <= math.log(largest) - math.log(batch)
