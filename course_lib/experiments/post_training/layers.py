"""One linear layer in several formats: fewer bits, and which of them are faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.experiments.post_training.machine import (
    Spread,
    in_turn,
    per_second,
    times_as_fast,
    weights_of,
)
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


def layer_speeds(tokens: int = 1, dim: int = 4096, outputs: int = 11008, seconds: float = 0.3) -> LayerSpeeds:
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
    taken = in_turn(runs, seconds)
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
    """In what the large product of each format was taken."""

    formats: tuple[str, ...]
    operation: tuple[str, ...]
    activations: tuple[str, ...]
    integer: tuple[bool, ...]

    @property
    def weight_only(self) -> int:
        """How many of the weight-only formats took an integer product."""
        return sum(
            taken for form, taken in zip(self.formats, self.integer, strict=True) if form.endswith("A16")
        )


#: The operations in which layers multiply, and which of their arguments are the activations.
PRODUCTS = {
    "mm": 0,
    "addmm": 1,
    "qlinear_pointwise": 0,
    "_weight_int8pack_mm": 0,
    "_weight_int4pack_mm_for_cpu": 0,
}


def arithmetic(dim: int = 64, outputs: int = 32, tokens: int = 4) -> Arithmetic:
    """Listen to torch while each format multiplies, and note the dtype of the activations in the product."""
    torch.manual_seed(0)
    x = torch.randn(tokens, dim)
    heard = {}
    for name, layer in formats_of(torch.nn.Linear(dim, outputs, bias=False).requires_grad_(False)).items():
        layer(x.bfloat16() if name == "bfloat16" else x)  # which kernel there is is tried before we listen
        with Listening() as ears, torch.no_grad():
            layer(x.bfloat16() if name == "bfloat16" else x)
        heard[name] = ears.products[-1]
    dtypes = [str(dtype).removeprefix("torch.") for _, dtype in heard.values()]
    return Arithmetic(
        tuple(heard),
        tuple(operation for operation, _ in heard.values()),
        tuple(dtypes),
        tuple("int" in dtype for dtype in dtypes),
    )


class Listening(TorchDispatchMode):
    """Notes the matrix products that torch takes: name, and dtype of the activations."""

    def __init__(self) -> None:
        super().__init__()
        self.products: list[tuple[str, torch.dtype]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Whether torch is to hide this from its compiler: it would load that first, for seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation, and note it if it is a product."""
        name = func._schema.name.partition("::")[2]
        if name in PRODUCTS:
            self.products.append((name, args[PRODUCTS[name]].dtype))
        return func(*args, **(kwargs or {}))
