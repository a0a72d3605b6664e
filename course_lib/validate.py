"""Messages about arguments: the one place where they are written.

Every check takes the argument's name as its caller wrote it, returns nothing when the argument is fine, and
otherwise raises one sentence: the name, what was expected, what came. TypeError says that the kind is wrong
(no tensor, an integer dtype, a float for a count), ValueError that the kind is right and the content is not
(rank, shape, an empty batch, NaN, out of range).

Checks look at values outside autograd's graph, so gradients never see them. Where values cannot be looked at
(inside ``torch.func.vmap`` and ``torch.compile``) the checks of values are skipped, those of shapes and
dtypes are not. A check of values reads its tensor once, and on an accelerator waits for it.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

#: The course computes in these: in half precision an eps of 1e-12 is zero, and a zero row becomes NaN.
FLOATING_DTYPES = (torch.float32, torch.float64)


def check_tensor(name: str, value: Any) -> None:
    """Raise TypeError unless ``value`` is a torch.Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor, got {_kind(value)}: convert it with torch.as_tensor({name})."
        )


def check_floating(name: str, tensor: Tensor) -> None:
    """Raise TypeError unless the tensor is float32 or float64."""
    if tensor.dtype not in FLOATING_DTYPES:
        raise TypeError(
            f"{name} must be torch.float32 or torch.float64, got {tensor.dtype}: "
            f"convert it with {name}.float()."
        )


def check_rank(name: str, tensor: Tensor, axes: tuple[str, ...]) -> None:
    """Raise ValueError unless the tensor has one axis for each name in ``axes``."""
    if tensor.ndim != len(axes):
        raise ValueError(
            f"{name} must have {_count(len(axes), 'axis', 'axes')}, [{', '.join(axes)}], "
            f"got {_count(tensor.ndim, 'axis', 'axes')} (shape {list(tensor.shape)})."
        )


def check_not_empty(name: str, tensor: Tensor) -> None:
    """Raise ValueError if the tensor has no elements: a mean over an empty batch is 0/0."""
    if tensor.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {list(tensor.shape)}.")


def check_finite(name: str, tensor: Tensor) -> None:
    """Raise ValueError, with the first bad place, if the tensor holds NaN or an infinity."""
    values = tensor.detach()
    # NaN and infinities survive a sum, so one finite sum clears the whole tensor, some fifty times faster
    # than isfinite on every element. A sum can also overflow by itself: only then are the elements looked at.
    if _known(lambda: math.isfinite(values.sum().item())) is not False:
        return
    bad = ~torch.isfinite(values)
    if bad.any():
        place = bad.nonzero()[0].tolist()
        where = f" at index {place}" if place else ""
        raise ValueError(f"{name} must be finite, got {values[tuple(place)].item()}{where}.")


def check_array(name: str, value: Any, axes: tuple[str, ...]) -> None:
    """Raise unless ``value`` is a finite, non-empty float tensor with one axis for each name in ``axes``."""
    check_tensor(name, value)
    check_rank(name, value, axes)
    check_floating(name, value)
    check_not_empty(name, value)
    check_finite(name, value)


def check_matrix(name: str, value: Any, axes: tuple[str, str] = ("batch", "dim")) -> None:
    """Raise unless ``value`` is a finite, non-empty float matrix: one embedding per row."""
    check_array(name, value, axes)


def check_square(name: str, value: Any, axes: tuple[str, str] = ("batch", "batch")) -> None:
    """Raise unless ``value`` is a finite, non-empty, square float matrix: row i's positive is column i."""
    check_matrix(name, value, axes)
    rows, columns = value.shape
    if rows != columns:
        raise ValueError(
            f"{name} must be square, [{', '.join(axes)}], since column i is the positive of row i: "
            f"expected [{rows}, {rows}], got [{rows}, {columns}]."
        )


def check_same_kind(name: str, tensor: Tensor, like_name: str, like: Tensor) -> None:
    """Raise unless two tensors share dtype (TypeError) and device (ValueError): nothing is converted."""
    if tensor.dtype != like.dtype:
        raise TypeError(
            f"{name} must have the dtype of {like_name}: expected {like.dtype}, got {tensor.dtype}."
        )
    if tensor.device != like.device:
        raise ValueError(
            f"{name} must be on the device of {like_name}: expected {like.device}, got {tensor.device}."
        )


def check_same_shape(name: str, tensor: Tensor, like_name: str, like: Tensor) -> None:
    """Raise ValueError unless two tensors have equal shapes: nothing is broadcast silently."""
    if tensor.shape != like.shape:
        raise ValueError(
            f"{name} must have the shape of {like_name}: "
            f"expected {list(like.shape)}, got {list(tensor.shape)}."
        )


def check_paired(
    image_features: Any,
    text_features: Any,
    names: tuple[str, str] = ("image_features", "text_features"),
) -> None:
    """Raise unless both are embedding matrices of one shape, dtype and device: row i is pair i."""
    _check_two_matrices(image_features, text_features, names)
    check_same_shape(names[1], text_features, names[0], image_features)


def check_same_width(
    image_embeddings: Any,
    text_embeddings: Any,
    names: tuple[str, str] = ("image_embeddings", "text_embeddings"),
) -> None:
    """Raise unless both are embedding matrices of one width, dtype and device; rows may differ in number."""
    _check_two_matrices(image_embeddings, text_embeddings, names)
    width, got = image_embeddings.shape[1], list(text_embeddings.shape)
    if got[1] != width:
        raise ValueError(
            f"{names[1]} must have the width of {names[0]}: expected [{got[0]}, {width}], got {got}."
        )


def check_scale(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite number, or a finite 0-d floating-point tensor, of either sign."""
    expected = f"{name} must be a number or a 0-d floating-point tensor"
    if isinstance(value, Tensor):
        if not value.is_floating_point():
            raise TypeError(f"{expected}, got a tensor of {value.dtype}.")
        if value.ndim != 0:
            raise ValueError(f"{expected}, got a tensor of shape {list(value.shape)}.")
        check_finite(name, value)
    elif isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{expected}, got {_kind(value)}.")
    elif not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}.")


def check_positive(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite number > 0, or a finite 0-d floating-point tensor > 0."""
    check_scale(name, value)
    outside = value <= 0
    if _known(lambda: bool(outside)):
        raise ValueError(f"{name} must be greater than 0, got {float(value)}.")


def check_not_negative(name: str, value: Any) -> None:
    """Raise unless ``value`` is a number ≥ 0 (the float inf as well) or a finite 0-d float tensor ≥ 0."""
    if isinstance(value, float) and value == math.inf:
        return
    check_scale(name, value)
    if _known(lambda: bool(value < 0)):
        raise ValueError(f"{name} must be at least 0, got {float(value)}.")


def check_eps(name: str, value: Any, dtype: torch.dtype) -> None:
    """Raise unless ``value`` is finite and still guards a division in ``dtype``: a normal number > 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {_kind(value)}.")
    smallest = torch.finfo(dtype).tiny
    if not smallest <= float(value) < math.inf:
        raise ValueError(
            f"{name} must be finite and at least {smallest:.3g}, the smallest normal {dtype}, got {value}."
        )


def check_fraction(name: str, value: Any) -> None:
    """Raise unless ``value`` is a number strictly between 0 and 1: a probability that leaves a choice."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number between 0 and 1, got {_kind(value)}.")
    if not 0 < float(value) < 1:
        raise ValueError(f"{name} must be more than 0 and less than 1, got {value}.")


def check_int(name: str, value: Any, low: int, high: int | None = None) -> None:
    """Raise unless ``value`` is an integer with low ≤ value, and value ≤ high where ``high`` is given."""
    expected = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be {expected}, got {_kind(value)} ({value!r}).")
    if int(value) < low or (high is not None and int(value) > high):
        raise ValueError(f"{name} must be {expected}, got {value}.")


def _check_two_matrices(first: Any, second: Any, names: tuple[str, str]) -> None:
    check_matrix(names[0], first)
    check_matrix(names[1], second)
    check_same_kind(names[1], second, names[0], first)


def _known(read: Callable[[], bool]) -> bool | None:
    """Return what ``read`` says of a tensor's values, or None where a transform hides them."""
    if torch.compiler.is_compiling():
        return None
    try:
        return read()
    except RuntimeError as error:
        # torch offers no public question "is this a batched tensor?"; vmap answers by refusing .item().
        if "vmap" not in str(error):
            raise
        return None


def _kind(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
