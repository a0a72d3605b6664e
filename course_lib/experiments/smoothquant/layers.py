"""Single layers of SmolLM2, from what travels with the course: the outliers, and what helps against them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_activations, load_layer_weights
from course_lib.language import Llama, record_inputs

QMAX = 127
#: The layer whose down_proj meets the largest outlier, and the one whose q, k and v meet a persistent one.
MASSIVE, PERSISTENT = 11, 12
ALPHAS = tuple(i / 20 for i in range(21))


class Layer(NamedTuple):
    """Recorded inputs of one layer, in two halves of 4 sequences, and the weights that read them."""

    calibration: Float[Tensor, "sequences positions channels"]
    tested: Float[Tensor, "sequences positions channels"]
    weights: Float[Tensor, "outputs channels"]


def recorded(layer: int, kind: str) -> Float[Tensor, "sequences positions channels"]:
    """Inputs of one recorded layer: 8 sequences of 16 tokens."""
    return torch.from_numpy(load_activations().inputs(layer, kind))  # type: ignore[arg-type]


def massive_layer() -> Layer:
    """Layer 11's down_proj."""
    weight = torch.from_numpy(load_layer_weights()[MASSIVE, "down_proj"].copy())
    calibration, tested = recorded(MASSIVE, "down").chunk(2)
    return Layer(calibration, tested, weight)


def persistent_layer() -> Layer:
    """Layer 12's q, k and v together: they read one input."""
    weights = load_layer_weights()
    names = ("q_proj", "k_proj", "v_proj")
    stacked = torch.cat([torch.from_numpy(weights[PERSISTENT, name].copy()) for name in names])
    calibration, tested = recorded(PERSISTENT, "qkv").chunk(2)
    return Layer(calibration, tested, stacked)


def ratio(x: Float[Tensor, "*tokens channels"]) -> float:
    """The largest channel maximum over the median channel maximum: how far one channel stands out."""
    largest = quantization.act_absmax([x])
    return float(largest.max() / largest.median())


class FirstLook(NamedTuple):
    """What calibration sees of layer 11's down_proj: channel maxima."""

    channel: int
    largest: float
    median: float
    ratio: float
    ratio_without_first: float
    largest_without_first: float
    first_tokens: int
    tokens: int


def first_look(layer: int = MASSIVE, kind: str = "down") -> FirstLook:
    """Q13: how far the largest channel stands out, with and without the first token of each sequence."""
    x = recorded(layer, kind)
    most, without = quantization.act_absmax([x]), quantization.act_absmax([x[:, 1:]])
    channel = int(most.argmax())
    return FirstLook(
        channel,
        float(most.max()),
        float(most.median()),
        ratio(x),
        ratio(x[:, 1:]),
        float(without[channel]),
        len(x),
        x.shape[0] * x.shape[1],
    )


class Kinds(NamedTuple):
    """What stands out in each recorded input: one entry for each, in one order."""

    inputs: tuple[str, ...]
    kinds: tuple[str, ...]
    ratios: tuple[float, ...]
    ratios_without_first: tuple[float, ...]
    channels: tuple[int, ...]
    massive_positions: tuple[tuple[int, ...], ...]


def kinds() -> Kinds:
    """Ask `outlier_kind` of all twelve recorded inputs."""
    rows = []
    activations = load_activations()
    for layer in activations.layers:
        for kind in ("qkv", "gate_up", "down"):
            x = recorded(layer, kind)
            seen = quantization.outlier_kind(x)
            places = tuple(sorted({int(token) % x.shape[1] for token in seen.tokens}))
            rows.append((f"{layer} {kind}", seen.kind, ratio(x), ratio(x[:, 1:]), len(seen.channels), places))
    return Kinds(*(tuple(column) for column in zip(*rows, strict=True)))


class StaticScale(NamedTuple):
    """What one static scale leaves of the ordinary tokens of layer 11's down_proj."""

    zeros: float
    ordinary_error: float
    zeros_without_first: float
    ordinary_error_without_first: float


def static_scale() -> StaticScale:
    """Share of zero codes, and output error, of tokens behind the first: with and without it in the range."""
    layer = massive_layer()
    found: list[float] = []
    for calibration in (layer.calibration, layer.calibration[:, 1:]):
        scale = float(calibration.abs().max()) / QMAX
        ordinary = layer.tested[:, 1:].flatten(0, 1)
        codes = torch.round(ordinary / scale).clamp(-QMAX, QMAX)
        found += [float((codes == 0).double().mean()), _error(ordinary, layer.weights, scale)]
    return StaticScale(*found)


def _error(x: Tensor, weights: Tensor, x_scale: float | None, scales: Tensor | None = None) -> float:
    """Relative error of the output, ‖Ŷ − Y‖ / ‖Y‖, with weights on a scale for each output."""
    smooth = torch.ones(x.shape[1]) if scales is None else scales
    truth = x @ weights.T
    y = quantization.w8a8_linear(x / smooth, weights * smooth, x_scale)
    return float((y - truth).norm() / truth.norm())


class Remedies(NamedTuple):
    """Relative output errors of a layer by remedy: of ordinary tokens, and of the first ones."""

    names: tuple[str, ...]
    ordinary: tuple[float, ...]
    first: tuple[float, ...]


def remedies(layer: Layer | None = None) -> Remedies:
    """Try each remedy on the massive token's layer (or another); one half calibrates, the other judges."""
    layer = massive_layer() if layer is None else layer
    most = quantization.act_absmax([layer.calibration])
    rows: list[tuple[str, float, float]] = []

    def measure(name: str, alpha: float | None, per_token: bool, keep_first: bool = False) -> None:
        calibration = layer.calibration[:, 1:] if keep_first else layer.calibration
        of_channels = quantization.act_absmax([calibration]) if keep_first else most
        scales = (
            torch.ones_like(most)
            if alpha is None
            else quantization.smooth_scales(of_channels, layer.weights, alpha)
        )
        x_scale = None if per_token else float((of_channels / scales).max()) / QMAX
        ordinary, first = layer.tested[:, 1:].flatten(0, 1), layer.tested[:, 0]
        rows.append(
            (
                name,
                _error(ordinary, layer.weights, x_scale, scales),
                math.nan if keep_first else _error(first, layer.weights, x_scale, scales),
            )
        )

    measure("static", None, False)
    measure("static, α = 0.5", 0.5, False)
    measure("static, α = 0.85", 0.85, False)
    measure("static, first token kept out", None, False, True)
    measure("static, first token kept out, α = 0.5", 0.5, False, True)
    measure("per token", None, True)
    measure("per token, α = 0.5", 0.5, True)
    return Remedies(*(tuple(column) for column in zip(*rows, strict=True)))


class Migration(NamedTuple):
    """Relative output errors of a layer over α: scales from one half of the tokens, errors of the other."""

    alphas: tuple[float, ...]
    static: tuple[float, ...]
    static_unsmoothed: float
    per_token: tuple[float, ...]
    per_token_unsmoothed: float
    best: float


def migration(
    layer: Layer | None = None, alphas: Sequence[float] = ALPHAS, per_channel: bool = True
) -> Migration:
    """Sweep α on the layer of the persistent channel (or another)."""
    layer = persistent_layer() if layer is None else layer
    fit, tested = (part.flatten(0, 1) for part in (layer.calibration, layer.tested))
    curves = []
    for per_token in (False, True):
        found = quantization.search_alpha(
            fit, tested, layer.weights, torch.tensor(alphas), per_token, per_channel
        )
        curves.append(tuple(found.errors.sqrt().tolist()))
    scale = float(fit.abs().max()) / QMAX
    truth = tested @ layer.weights.T
    unsmoothed = [
        float(
            (quantization.w8a8_linear(tested, layer.weights, x_scale, per_channel) - truth).norm()
            / truth.norm()
        )
        for x_scale in (scale, None)
    ]
    best = min(range(len(alphas)), key=curves[0].__getitem__)
    return Migration(tuple(alphas), curves[0], unsmoothed[0], curves[1], unsmoothed[1], alphas[best])


def outliers_of(model: Llama, tokens: Tensor) -> list[list[Any]]:
    """For the study: block, input, kind, number of channels, positions of massive tokens, two ratios.

    The ratios are those of `ratio`, with and without the first token of each sequence.
    """
    rows: list[list[Any]] = []
    blocks = range(model.config.num_layers)
    for some in (blocks[start : start + 6] for start in range(0, len(blocks), 6)):
        for (block, kind), x in record_inputs(model, tokens, some).items():
            seen = quantization.outlier_kind(x)
            places = sorted({int(token) % x.shape[1] for token in seen.tokens})
            ratios = [round(ratio(x), 2), round(ratio(x[:, 1:]), 2)]
            rows.append([block, kind, seen.kind, len(seen.channels), places, *ratios])
    return rows
