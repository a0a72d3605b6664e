"""A whole Llama in W8A8 by a recipe: calibrate it, smooth it, quantize it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from course_lib import quantization
from course_lib.language import Llama

QMAX = 127

#: What reads what, in a block: the module that can be divided, and the linear layers that read its output.
NORMS = {
    "qkv": ("attention_norm", ("attention.q_proj", "attention.k_proj", "attention.v_proj")),
    "gate_up": ("mlp_norm", ("mlp.gate_proj", "mlp.up_proj")),
}
DOWN = {"down": ("mlp.up_proj", ("mlp.down_proj",))}
LINEARS = (*NORMS["qkv"][1], "attention.o_proj", *NORMS["gate_up"][1], "mlp.down_proj")


@dataclass(frozen=True)
class Recipe:
    """How a model is put into W8A8.

    Attributes
    ----------
    activations : {"none", "static", "token"}
        Float activations; one scale for each layer's input, from calibration; or each token's own.
    weights : {"none", "tensor", "channel"}
        Float weights; one scale for each matrix; or one for each of its outputs.
    alpha : float, or mapping of (block, input) to float, or None
        Migration strength; None smooths nothing. A mapping gives it for each block and input by itself.
    smooth_down : bool
        Whether the input of down_proj is smoothed too, through up_proj; the published recipe for LLaMA
        smooths what the two norms put out, and no more.
    keep_first : bool
        Whether each sequence's first position stays float, in all layers, and out of the calibration.
    keep_down : bool
        Whether the input of down_proj stays float.
    """

    activations: Literal["none", "static", "token"] = "static"
    weights: Literal["none", "tensor", "channel"] = "tensor"
    alpha: float | Mapping[tuple[int, str], float] | None = None
    smooth_down: bool = False
    keep_first: bool = False
    keep_down: bool = False

    def strength(self, block: int, kind: str) -> float | None:
        """Give the migration strength of one input, or None if it is not smoothed."""
        if self.alpha is None or (kind == "down" and not self.smooth_down):
            return None
        return self.alpha[block, kind] if isinstance(self.alpha, Mapping) else self.alpha


class Calibration(NamedTuple):
    """The largest magnitudes of the channels that enter each linear layer, by the layer's full name."""

    all_tokens: dict[str, Float[Tensor, channels]]
    without_first: dict[str, Float[Tensor, channels]]


class SimulatedW8A8(nn.Module):
    """A linear layer on W8A8's grids, computed in floats: the numbers of the integer layer, up to rounding.

    Attributes
    ----------
    weight : Tensor, shape [out, in]
        On its grid already.
    x_scale : float, None or "token"
        One scale for the input; None leaves it float.
    """

    def __init__(self, weight: Tensor, x_scale: float | Literal["token"] | None, keep_first: bool) -> None:
        super().__init__()
        self.weight, self.x_scale, self.keep_first = (
            nn.Parameter(weight, requires_grad=False),
            x_scale,
            keep_first,
        )

    def forward(self, x: Float[Tensor, "batch positions dim"]) -> Float[Tensor, "batch positions outputs"]:
        """Put the input on its grid, and multiply."""
        if self.x_scale is None:
            return F.linear(x, self.weight)
        if self.x_scale == "token":
            scale = x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / QMAX
            on_grid = (x / scale).round_().mul_(scale)
        else:
            on_grid = (x / self.x_scale).round_().clamp_(-QMAX, QMAX).mul_(self.x_scale)
        if self.keep_first:
            on_grid[:, 0] = x[:, 0]
        return F.linear(on_grid, self.weight)


@torch.inference_mode()
def calibrate(model: Llama, tokens: Int64[Tensor, "sequences length"], batch_size: int = 4) -> Calibration:
    """Let the model read, and note the largest magnitude of every channel that enters a linear layer."""
    found = Calibration({}, {})
    with _watching(model, _noting(found)):
        for batch in tokens.split(batch_size):
            model(batch)
    return found


def _noting(found: Calibration) -> Callable[[str, Tensor], None]:
    def note(name: str, x: Tensor) -> None:
        for most, seen in ((found.all_tokens, x), (found.without_first, x[:, 1:])):
            of_batch = quantization.act_absmax([seen])
            most[name] = torch.maximum(most[name], of_batch) if name in most else of_batch

    return note


@dataclass
class _watching:
    """Call ``see(name, input)`` for every linear layer, for as long as this context lasts."""

    model: Llama
    see: Callable[[str, Tensor], None]
    handles: list = field(default_factory=list)

    def __enter__(self) -> None:
        for block, kind in linear_names(self.model):
            name = f"layers.{block}.{kind}"

            def hook(_: object, arguments: tuple[Tensor, ...], name: str = name) -> None:
                self.see(name, arguments[0])

            self.handles.append(self.model.get_submodule(name).register_forward_pre_hook(hook))

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()


def linear_names(model: Llama) -> Iterator[tuple[int, str]]:
    """All linear layers of the blocks: number of the block, name inside it."""
    for block in range(model.config.num_layers):
        for kind in LINEARS:
            yield block, kind


@torch.no_grad()
def quantized(model: Llama, recipe: Recipe, calibration: Calibration) -> Llama:
    """Return a copy of the model, smoothed and put on W8A8's grids by the recipe; the model is left alone."""
    new = copy.deepcopy(model)
    absmax = dict(calibration.without_first if recipe.keep_first else calibration.all_tokens)
    for block in range(new.config.num_layers):
        for kind, (source, readers) in {**NORMS, **DOWN}.items():
            alpha = recipe.strength(block, kind)
            if alpha is not None:
                _smooth(new, f"layers.{block}.", source, readers, alpha, absmax)
    for block, kind in linear_names(new):
        name = f"layers.{block}.{kind}"
        floats = recipe.activations == "none" or (recipe.keep_down and kind == "mlp.down_proj")
        x_scale: float | Literal["token"] | None = (
            None if floats else "token" if recipe.activations == "token" else float(absmax[name].max()) / QMAX
        )
        weight = _on_grid(linear_at(new, name).weight, recipe.weights)
        new.set_submodule(name, SimulatedW8A8(weight, x_scale, recipe.keep_first))
    return new


def linear_at(model: Llama, name: str) -> nn.Linear:
    """Give the linear layer of a full name."""
    found = model.get_submodule(name)
    assert isinstance(found, nn.Linear)
    return found


def _smooth(
    model: Llama, prefix: str, source: str, readers: tuple[str, ...], alpha: float, absmax: dict[str, Tensor]
) -> None:
    linears = [linear_at(model, prefix + reader) for reader in readers]
    of_input = absmax[prefix + readers[0]]
    scales = quantization.smooth_scales(of_input, [linear.weight for linear in linears], alpha)
    previous = model.get_submodule(prefix + source)
    if isinstance(previous, nn.Linear):
        smoothed = quantization.fold_into_linear(previous, linears, scales)
    else:
        smoothed = quantization.apply_smoothing(previous, linears, scales)
    model.set_submodule(prefix + source, smoothed.previous)
    for reader, linear in zip(readers, smoothed.linears, strict=True):
        model.set_submodule(prefix + reader, linear)
        absmax[prefix + reader] = of_input / scales


def _on_grid(weight: Tensor, granularity: str) -> Tensor:
    if granularity == "none":
        return weight.clone()
    if granularity == "tensor":
        return quantization.dequantize(*quantization.quantize_per_tensor(weight, -QMAX, QMAX, symmetric=True))
    rows = quantization.quantize_per_channel(weight, -QMAX, QMAX, symmetric=True)
    return quantization.dequantize(*rows, axis=0)
