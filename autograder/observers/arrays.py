"""Arrays at the border: numpy on the judge's side, torch or numpy on the answer's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

MAX_ENTRIES = 2**24  # of an array that an answer returns; cases are small, so more is a mistake


NOTHING = "nothing (None)"


class NotAnArray(TypeError):
    """An answer returned something that is neither an array nor a number; says what, with its article."""

    output: str | None = None  # which of its results that was


def to_torch(value: Any, requires_grad: bool = False) -> Any:
    """A fresh tensor for an array; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    import torch

    tensor = torch.from_numpy(value.copy())
    return tensor.requires_grad_() if requires_grad else tensor


def to_numpy(value: Any) -> tuple[np.ndarray, str, str]:
    """An answer's result as ``(array, kind, dtype)``, copied.

    Raises
    ------
    NotAnArray
        If the value is not a tensor, an array or a number, holds something else than booleans,
        integers and real numbers, or is far larger than any answer.
    """
    import torch

    # A tensor or array may be a view of few numbers, expanded to more than the memory holds.
    if isinstance(value, torch.Tensor | np.ndarray) and math.prod(value.shape) > MAX_ENTRIES:
        raise NotAnArray(f"an array of shape {tuple(value.shape)}, too large to compare")
    if isinstance(value, torch.Tensor):
        return _from_tensor(value)
    if isinstance(value, np.ndarray | np.generic):
        array, kind, dtype = np.array(value), "numpy", str(value.dtype)
    elif isinstance(value, bool | int | float):
        array, kind = np.array(value), "python"
        dtype = str(array.dtype)
    else:
        raise NotAnArray(with_article(value))
    if array.dtype.kind not in "biuf":
        raise NotAnArray(f"a {'numpy array' if kind == 'numpy' else 'number'} of type {dtype}")
    return array, kind, dtype


def with_article(value: Any) -> str:
    """The type of a value with its article: ``"a list"``, ``"nothing (None)"``."""
    if value is None:
        return NOTHING
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _from_tensor(value: Any) -> tuple[np.ndarray, str, str]:
    import torch

    dtype = str(value.dtype).removeprefix("torch.")
    try:
        tensor = value.detach().cpu()
        if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
            tensor = tensor.float()  # numpy has no bfloat16 and no 8-bit floats
        array = tensor.numpy().copy()
    except (RuntimeError, TypeError) as error:  # sparse, quantized, meta: no plain numbers in it
        raise NotAnArray(f"a {dtype} tensor that cannot be read as numbers") from error
    if array.dtype.kind not in "biuf":
        raise NotAnArray(f"a tensor of type {dtype}")
    return array, "torch", dtype
