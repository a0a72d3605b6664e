"""Messages about arguments that only quantization has; those that all share are in `course_lib.validate`.

The same rules: a check takes the argument's name, returns nothing when the argument is fine, and otherwise
raises one sentence. TypeError says that the kind is wrong, ValueError that the content is.
"""

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from course_lib.validate import (
    check_finite,
    check_floating,
    check_int,
    check_not_empty,
    check_same_kind,
    check_tensor,
)

#: Codes of more bits than this are not what anybody means by quantization, and their sums leave int32.
MOST_BITS = 16

#: Integer dtypes that codes are accepted in.
CODE_DTYPES = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)


def check_values(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite, non-empty float32 or float64 tensor, of any rank."""
    check_tensor(name, value)
    check_floating(name, value)
    check_not_empty(name, value)
    check_finite(name, value)


def check_bits(name: str, value: Any, low: int = 2) -> None:
    """Raise unless ``value`` is a number of bits: an integer from ``low`` to 16."""
    check_int(name, value, low=low, high=MOST_BITS)


def check_code_range(qmin: Any, qmax: Any) -> None:
    """Raise unless qmin and qmax are integers, qmin < qmax, with at most 2¹⁶ codes between them."""
    most = 2**MOST_BITS
    check_int("qmin", qmin, low=-most, high=most)
    check_int("qmax", qmax, low=-most, high=most)
    if qmin >= qmax:
        raise ValueError(f"qmin must be less than qmax, got qmin = {qmin} and qmax = {qmax}.")
    if qmax - qmin >= most:
        raise ValueError(f"qmin to qmax must be at most {most} codes, got {qmax - qmin + 1}.")


def check_step(name: str, value: Any) -> None:
    """Raise unless ``value`` is a positive, finite number, or a float tensor of such numbers."""
    if isinstance(value, Tensor):
        check_floating(name, value)
        check_not_empty(name, value)
        check_finite(name, value)
        smallest = value.min().item()
    elif isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number or a float tensor, got {type(value).__name__}.")
    else:
        smallest = float(value)
        if not math.isfinite(smallest):
            raise ValueError(f"{name} must be finite, got {smallest}.")
    if smallest <= 0:
        raise ValueError(f"{name} must be positive, got {smallest:g}: it is the width of a step.")


def check_zero_point(name: str, value: Any, scale: Any) -> None:
    """Raise unless ``value`` is an integer, or an integer tensor of the shape of ``scale``."""
    if not isinstance(value, Tensor):
        check_int(name, value, low=-(2**31), high=2**31 - 1)
        return
    if value.dtype not in CODE_DTYPES:
        raise TypeError(f"{name} must be an integer or an integer tensor, got a tensor of {value.dtype}.")
    wanted = list(scale.shape) if isinstance(scale, Tensor) else []
    if value.ndim > 0 and list(value.shape) != wanted:
        raise ValueError(f"{name} must have the shape of scale: expected {wanted}, got {list(value.shape)}.")


def check_codes(name: str, value: Any) -> None:
    """Raise unless ``value`` is a non-empty integer tensor."""
    check_tensor(name, value)
    if value.dtype not in CODE_DTYPES:
        raise TypeError(f"{name} must be an integer tensor, got {value.dtype}.")
    check_not_empty(name, value)


def check_axis(name: str, value: Any, tensor: Tensor) -> None:
    """Raise unless ``value`` is an axis of ``tensor``, negative ones counted from the end."""
    check_int(name, value, low=-tensor.ndim, high=tensor.ndim - 1)


def check_group_size(group_size: Any, width: int) -> None:
    """Raise unless ``group_size`` is a positive integer that divides the last axis."""
    check_int("group_size", group_size, low=1)
    if width % group_size != 0:
        raise ValueError(
            f"group_size must divide the last axis, of {width}, got {group_size}: "
            f"{width % group_size} would be left over."
        )


def check_granularity(tensor: Tensor, scale: Any, axis: Any, name: str = "x") -> None:
    """Raise unless the shape of ``scale`` fits ``tensor``: one, one a channel, or one a group."""
    if axis is not None:
        check_axis("axis", axis, tensor)
    shape = list(scale.shape) if isinstance(scale, Tensor) else []
    if not shape:
        return
    if isinstance(scale, Tensor) and tensor.is_floating_point():
        check_same_kind("scale", scale, name, tensor)
    if len(shape) == 1:
        if axis is None:
            raise ValueError(f"axis must say which axis of {name} the {shape[0]} scales belong to, got None.")
        if tensor.shape[axis] != shape[0]:
            raise ValueError(
                f"scale must hold one number for each of the {tensor.shape[axis]} channels along axis {axis} "
                f"of {name}, got {shape[0]}."
            )
    elif len(shape) != 2 or tensor.ndim != 2 or tensor.shape[0] != shape[0] or tensor.shape[1] % shape[1]:
        raise ValueError(
            f"scale must have shape [], [channels] or [rows, groups], the groups dividing the rows of {name} "
            f"(shape {list(tensor.shape)}), got {shape}."
        )


def check_pair(x: Any, x_hat: Any) -> None:
    """Raise unless both are finite float tensors of one shape, dtype and device."""
    check_values("x", x)
    check_values("x_hat", x_hat)
    check_same_kind("x_hat", x_hat, "x", x)
    if x_hat.shape != x.shape:
        raise ValueError(
            f"x_hat must have the shape of x: expected {list(x.shape)}, got {list(x_hat.shape)}."
        )
