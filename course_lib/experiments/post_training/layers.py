"""One linear layer in several formats: fewer bits, and which of them are faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.experiments.post_training.machine import (
    Spread,
    in_turn,
    per_second,
    times_as_fast,
    weights_of,
)
from course_lib.experiments.threads import on_threads
from course_lib.quantization import W8A8Linear, WeightOnlyLinear

#: Neighbours that share a scale at 4 bits.
GROUP = 32

UNPACKED = "4 bits, made float32 first"


class LayerSpeeds(NamedTuple):
    """One layer in several formats, for one number of tokens.

    Attributes
    ----------
    formats, kernels : tuple of str
        "dequantize" or "float" as a kernel: there is none here for that format, and the codes are made
        floating-point numbers first.
    megabytes : tuple of float
        Of weights and scales.
    speed : tuple of Spread
        Times as fast as float32, round by round.
    dequantized_speed : float
        The median of the format that is made float32 first.
    float32_read : Spread
        Bytes a second at which the float32 layer gets through its weights.
    """

    tokens: int
    formats: tuple[str, ...]
    kernels: tuple[str, ...]
    megabytes: tuple[float, ...]
    speed: tuple[Spread, ...]
    dequantized_speed: float
    float32_read: Spread


@on_threads(1)
def layer_speeds(
    tokens: int = 1, dim: int = 4096, outputs: int = 11008, seconds: float = 0.3, threads: int = 1
) -> LayerSpeeds:
    """Time one layer, by default of the size of an MLP's in a model of 7 billion parameters."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(dim, outputs, bias=False).requires_grad_(False)
    x = torch.randn(tokens, dim)
    layers = formats_of(linear)
    unpacked = layers["W4A16"]

    def dequantize_first() -> Tensor:
        return x @ unpacked.dequantized_weight().T

    runs: dict[str, Callable[[], object]] = {}
    for name, layer in layers.items():
        inputs = x.bfloat16() if name == "bfloat16" else x
        runs[name] = _bound(layer, inputs)
    runs[UNPACKED] = dequantize_first
    taken = in_turn(runs, seconds, threads=threads)
    names = tuple(runs)
    speed = tuple(times_as_fast(taken["float32"], taken[name]) for name in names)
    return LayerSpeeds(
        tokens,
        names,
        tuple(getattr(layers.get(name), "kernel", "") for name in names),
        tuple(weights_of(layers.get(name, unpacked)) / 1e6 for name in names),
        speed,
        speed[-1].median,
        per_second(weights_of(linear), taken["float32"]),
    )


def formats_of(linear: torch.nn.Linear) -> dict[str, Any]:
    """Give a layer in every format that lessons compare, by name."""
    half = torch.nn.Linear(linear.in_features, linear.out_features, bias=False, dtype=torch.bfloat16)
    half.weight = torch.nn.Parameter(linear.weight.bfloat16(), requires_grad=False)
    return {
        "float32": linear,
        "bfloat16": half,
        "W8A8": W8A8Linear.from_linear(linear),
        "W8A16": WeightOnlyLinear.from_linear(linear, 8, None),
        "W4A16": WeightOnlyLinear.from_linear(linear, 4, GROUP),
    }


def _bound(layer: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], object]:
    return lambda: layer(x)


class Arithmetic(NamedTuple):
    """Which formats count in integers: the share of their sums that are exact, rounded once at the end."""

    formats: tuple[str, ...]
    exact: tuple[float, ...]

    @property
    def w8a8(self) -> float:
        """The share with integers on both sides."""
        return self.exact[self.formats.index("W8A8")]

    @property
    def weight_only(self) -> float:
        """The larger share of the two formats with integer weights alone."""
        return max(
            share for form, share in zip(self.formats, self.exact, strict=True) if form.endswith("A16")
        )


def arithmetic(dim: int = 4096, outputs: int = 64, tokens: int = 8, seed: int = 0) -> Arithmetic:
    """Multiply by each format matrices that are codes themselves, and count the sums that are exact.

    Activations are whole numbers up to 127, weights too (7 for 4 bits), so that every scale is 1 and a format
    loses nothing but in its arithmetic. Sums of 8-bit products exceed 2²⁴, up to which float32 counts.
    """
    draw = torch.Generator().manual_seed(seed)
    formats, exact = [], []
    for name in ("float32", "bfloat16", "W8A8", "W8A16", "W4A16"):
        top = 7 if name == "W4A16" else 127
        w, x = (
            torch.randint((most + 1) // 2, most + 1, (rows, dim), generator=draw)
            for rows, most in ((outputs, top), (tokens, 127))
        )
        w[:, ::GROUP] = top  # the largest code in every row, group and token
        x[:, 0] = 127
        linear = torch.nn.Linear(dim, outputs, bias=False).requires_grad_(False)
        linear.weight.copy_(w)
        inputs = x.bfloat16() if name == "bfloat16" else x.float()
        with torch.no_grad():
            got = formats_of(linear)[name](inputs)
        formats.append(name)
        exact.append(float((got.float() == (x @ w.T).float()).double().mean()))
    return Arithmetic(tuple(formats), tuple(exact))
