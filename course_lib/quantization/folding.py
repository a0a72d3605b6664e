"""Dividing a layer's input by s inside the layer before: X W^T = (X diag(1/s)) (diag(s) W^T)."""

import copy
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.validate import check_array

#: What may stand between the layer that is divided and the one that is multiplied: f(x / s) = f(x) / s for
#: every s > 0. Dropout only masks and scales.
PASSES_MODULES = (nn.Identity, nn.Dropout, nn.ReLU, nn.LeakyReLU)
PASSES_FUNCTIONS = (
    *(torch.mul, operator.mul, Tensor.mul),
    *(torch.relu, nn.functional.relu, nn.functional.leaky_relu, nn.functional.dropout),
)


class Smoothed(NamedTuple):
    """New modules that compute together what the old ones did."""

    previous: nn.Module
    linears: tuple[nn.Linear, ...]


def apply_smoothing(
    norm: nn.Module, linears: nn.Linear | Sequence[nn.Linear], scales: Float[Tensor, "channels"]
) -> Smoothed:
    """Divide what a norm puts out by s, and multiply the columns of the linear layers that read it.

    weight ← weight / s, bias ← bias / s in the norm; W ← W diag(s) in each linear layer

    Parameters
    ----------
    norm : nn.LayerNorm, nn.RMSNorm, or a module with a ``weight`` of shape [channels] and perhaps a ``bias``
        Its output must be (something without the weight) · weight + bias.
    linears : nn.Linear, or a sequence of them
        **All** the layers that read the norm's output: one that is forgotten computes something else
        afterwards. For attention these are q, k and v, which read one input and so need one s.
    scales : Tensor, shape [channels], positive
        From `smooth_scales`.

    Returns
    -------
    Smoothed
        ``previous`` (the norm) and ``linears`` (a tuple): copies. The arguments are left as they were.

    Raises
    ------
    TypeError, ValueError
        If a module is of another kind or has no weight, widths differ, or the norm does not put out 1/s of
        what it did once its weight and bias are divided (tried on four random rows): Gemma's RMSNorm, which
        multiplies by 1 + weight, is one.

    Notes
    -----
    The biases of the linear layers stay: they are added after the product.

    References
    ----------
    Xiao et al. 2022, arXiv:2211.10438, section 4.

    Examples
    --------
    >>> norm, linear = nn.LayerNorm(2), nn.Linear(2, 3)
    >>> x = torch.tensor([[1.0, 5.0]])
    >>> new_norm, (new_linear,) = apply_smoothing(norm, linear, torch.tensor([4.0, 0.5]))
    >>> torch.allclose(new_linear(new_norm(x)), linear(norm(x)))
    True
    """
    channels = _check_norm(norm)
    consumers = _check_linears(linears, channels)
    _check_scales(scales, channels)
    smoothed = _fold(norm, consumers, scales)
    _check_divided(norm, smoothed.previous, scales)
    return smoothed


def fold_into_linear(
    previous: nn.Linear, linears: nn.Linear | Sequence[nn.Linear], scales: Float[Tensor, "channels"]
) -> Smoothed:
    """Divide the outputs of a linear layer by s, and multiply the columns of the layers that read them.

    W_prev ← diag(1/s) W_prev, b_prev ← b_prev / s; W ← W diag(s)

    Parameters
    ----------
    previous : nn.Linear
        With ``channels`` outputs. In LLaMA's gated MLP, down(act(gate(x)) · up(x)), it is up: the product
        lets a factor of up through. Not gate, behind which the activation stands: see `can_fold`.
    linears : nn.Linear, or a sequence of them
        All layers that read it, with ``channels`` inputs.
    scales : Tensor, shape [channels], positive

    Returns
    -------
    Smoothed
        ``previous`` and ``linears`` (a tuple): copies. The arguments are left as they were.

    Raises
    ------
    TypeError, ValueError
        If a module is no nn.Linear, or widths differ.

    References
    ----------
    Xiao et al. 2022, arXiv:2211.10438, section 4. Their recipe for LLaMA smooths the two norms only, and
    leaves down_proj as it is.

    Examples
    --------
    >>> up, gate, down = nn.Linear(2, 3), nn.Linear(2, 3), nn.Linear(3, 2)
    >>> x = torch.tensor([[1.0, -2.0]])
    >>> new_up, (new_down,) = fold_into_linear(up, down, torch.tensor([4.0, 0.5, 2.0]))
    >>> gated = nn.functional.silu(gate(x))
    >>> torch.allclose(new_down(gated * new_up(x)), down(gated * up(x)))
    True
    """
    if not isinstance(previous, nn.Linear):
        raise TypeError(f"previous must be an nn.Linear, got {type(previous).__name__}.")
    consumers = _check_linears(linears, previous.out_features)
    _check_scales(scales, previous.out_features)
    return _fold(previous, consumers, scales)


def can_fold(path: nn.Module | Sequence[nn.Module | Callable]) -> bool:
    """Say whether a division by s, done inside the first step of a path, arrives unchanged at its end.

    Parameters
    ----------
    path : module, or a sequence of modules and functions in the order in which they compute
        The first is the layer to divide in; what follows stands between it and the linear layer that takes s.
        An elementwise product with another branch is ``torch.mul``.

    Returns
    -------
    bool
        True if the first is an nn.Linear, an nn.LayerNorm or an RMSNorm with a weight, and all that follows
        lets a positive factor of each channel through: the identity, a product, ReLU and leaky ReLU, dropout.
        False for GELU, SiLU, softmax, a second norm, and whatever is not known.

    Raises
    ------
    ValueError
        If the path is empty.

    Examples
    --------
    >>> can_fold(nn.LayerNorm(4)), can_fold([nn.Linear(4, 8), nn.GELU()])
    (True, False)
    >>> up_path, gate_path = [nn.Linear(4, 8), torch.mul], [nn.Linear(4, 8), nn.SiLU(), torch.mul]
    >>> can_fold(up_path), can_fold(gate_path)
    (True, False)
    """
    first, *between = list(_flat(path))
    if isinstance(first, nn.Linear):
        starts = True
    else:
        is_norm = isinstance(first, nn.LayerNorm) or type(first).__name__.endswith("RMSNorm")
        weight = getattr(first, "weight", None)
        starts = is_norm and isinstance(weight, Tensor) and weight.ndim == 1
    return starts and all(
        isinstance(step, PASSES_MODULES) or any(step is known for known in PASSES_FUNCTIONS)
        for step in between
    )


def _flat(path: object) -> list:
    steps = [path] if not isinstance(path, nn.Sequential | list | tuple) else list(path)
    if not steps:
        raise ValueError("path must hold at least the layer that is to be divided, got none.")
    return [inner for step in steps for inner in (_flat(step) if isinstance(step, nn.Sequential) else [step])]


def _check_norm(norm: object) -> int:
    if not isinstance(norm, nn.Module) or isinstance(norm, nn.Linear):
        wanted = "a LayerNorm, an RMSNorm or a module like them"
        raise TypeError(f"norm must be {wanted}, got {type(norm).__name__}.")
    weight, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"norm must have a weight to divide, got a {type(norm).__name__} without one.")
    for name, value in (("weight", weight), ("bias", bias)):
        if isinstance(value, Tensor):
            check_array(f"norm.{name}", value, ("channels",))
    return len(weight)


def _check_linears(linears: object, channels: int) -> tuple[nn.Linear, ...]:
    layers = (linears,) if not isinstance(linears, list | tuple | nn.ModuleList) else tuple(linears)
    if not layers:
        raise ValueError("linears must hold at least one layer, got none.")
    for number, layer in enumerate(layers):
        name = f"linears[{number}]" if len(layers) > 1 else "linears"
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"{name} must be an nn.Linear, got {type(layer).__name__}.")
        if layer.in_features != channels:
            raise ValueError(
                f"{name} must take the {channels} channels of the layer before, got {layer.in_features}."
            )
    return layers


def _check_scales(scales: object, channels: int) -> None:
    check_array("scales", scales, ("channels",))
    assert isinstance(scales, Tensor)
    if bool((scales <= 0).any()):
        raise ValueError(f"scales must be positive, got {scales.min().item():g}.")
    if len(scales) != channels:
        raise ValueError(f"scales must hold one number for each of {channels} channels, got {len(scales)}.")


@torch.no_grad()
def _check_divided(norm: nn.Module, new: nn.Module, scales: Tensor) -> None:
    assert isinstance(new.weight, Tensor)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(4, len(scales), generator=generator, dtype=torch.float64).to(new.weight)
    # On copies: a norm that keeps statistics would take note of these rows.
    before, after = (copy.deepcopy(module).eval()(rows) for module in (norm, new))
    if not torch.allclose(after * scales.to(after), before, rtol=1e-3, atol=1e-3 * before.abs().max().item()):
        raise ValueError(
            "norm must put out its normalised input times weight, plus bias, "
            f"but {type(norm).__name__} puts out something else than 1/s of it when both are divided by s."
        )


@torch.no_grad()
def _fold(previous: nn.Module, linears: tuple[nn.Linear, ...], scales: Tensor) -> Smoothed:
    new, consumers = copy.deepcopy(previous), tuple(copy.deepcopy(layer) for layer in linears)
    for value in (new.weight, getattr(new, "bias", None)):
        if isinstance(value, Tensor):
            by = scales.to(value)
            value.div_(by[:, None] if value.ndim == 2 else by)
    for layer in consumers:
        layer.weight.mul_(scales.to(layer.weight))
    return Smoothed(new, consumers)
