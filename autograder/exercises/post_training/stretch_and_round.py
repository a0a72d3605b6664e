"""AWQ's one step: stretch the columns, round, and fold the stretching back."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def stretch_and_round(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Weights that a layer has in effect, when their columns were stretched before rounding."""
    return quantization.awq_weight(weight, scale, bits)


def _layer(outputs: int, inputs: int, bits: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        while True:
            weight, scale = rng.normal(size=(outputs, inputs)), np.exp(rng.normal(size=inputs))
            stretched = torch.from_numpy(weight * scale)
            step, _ = quantization.channel_qparams(stretched, *quantization.code_range(bits))
            steps = stretched / step[:, None]
            if float((steps - steps.floor() - 0.5).abs().min()) > 0.01:
                return {"weight": weight, "scale": scale, "bits": bits}

    return case(f"{outputs}×{inputs} weights on {bits} bits", make)


asked = Exercise(
    "post_training.stretch_and_round",
    title="Stretch before rounding",
    minutes=6,
    skills=["AWQ", "equivalent transformation"],
    reference=stretch_and_round,
    outputs=["weight"],
    groups={"value": 2},
    cases=[_layer(1, 3, 3), _layer(2, 5, 3), _layer(4, 4, 4)],
    write_yourself=["course_lib.quantization.awq:awq_weight"],
    hints=[
        "Three things: stretch the columns, round what comes out, shrink what was rounded. The grid belongs to the second.",
        "weight * scale stretches column j by scale[j]. The grid of a row is that of the stretched row. Divide at the "
        "end by the same scale.",
        "Call quantize_per_channel on weight * scale, for the codes of code_range(bits); dequantize with axis=0; "
        "divide by scale.",
    ],
    follow_up="A column of weights is stretched by 2. What happens to the error of its weights, and to that of the "
    "others, if the row's largest weight stands in it? If it does not?",
)


def _through(weight: Tensor, bits: int) -> Tensor:
    codes = quantization.quantize_per_channel(weight, *quantization.code_range(bits))
    return quantization.dequantize(*codes, axis=0)


@asked.misconception(
    "the scale is not folded back",
    says="Your weights are still stretched: the layer multiplies every input by its scale.",
    asks="Who divides by the scale, if the inputs stay as they are?",
)
def not_folded_back(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    return _through(weight * scale, bits)


@asked.misconception(
    "shrunk instead of stretched",
    says="You divide first and multiply afterwards: columns with a large scale get the coarser grid.",
    asks="Which columns should move away from 0 before they are rounded?",
)
def upside_down(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    return _through(weight / scale, bits) * scale


@asked.misconception(
    "nothing is stretched",
    says="Your result is that of rounding to nearest.",
    asks="Where does scale enter, before the rounding?",
)
def not_stretched(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    return _through(weight, bits)


@asked.misconception(
    "the grid of the weights as given",
    says="You lay the grid over the weights before they are stretched, so that the stretched ones are cut off.",
    asks="Over which numbers does the grid have to reach?",
)
def old_grid(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    codes = quantization.code_range(bits)
    step, zero_point = quantization.channel_qparams(weight, *codes)
    q = quantization.quantize(weight * scale, step, zero_point, *codes, axis=0)
    return quantization.dequantize(q, step, zero_point, axis=0) / scale


@asked.misconception(
    "the grids belong to the columns",
    says="You give each column a grid of its own. A stretched column then has a stretched step, and nothing is gained.",
    asks="Which axis do the rows' scales belong to?",
)
def column_grids(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    codes = quantization.code_range(bits)
    step, zero_point = quantization.channel_qparams(weight * scale, *codes, axis=1)
    q = quantization.quantize(weight * scale, step, zero_point, *codes, axis=1)
    return quantization.dequantize(q, step, zero_point, axis=1) / scale


@asked.misconception(
    "a symmetric grid",
    says="Your grids have the zero point 0; here they reach from the smallest to the largest weight of the row.",
    asks="What does quantize_per_channel do when it is not told?",
)
def symmetric(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    return quantization.awq_weight(weight, scale, bits, symmetric=True)


@asked.also_correct("by hand")
def by_hand(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    qmin, qmax = quantization.code_range(bits)
    large = torch.einsum("ij,j->ij", weight, scale)
    low, high = large.amin(1).clamp_max(0), large.amax(1).clamp_min(0)
    s = (high - low) / (qmax - qmin)
    z = qmin - (low / s).round()
    q = ((large / s[:, None]).round() + z[:, None]).clamp(qmin, qmax)
    return (q - z[:, None]) * s[:, None] / scale


@asked.also_correct("with a diagonal matrix and its inverse")
def with_diagonals(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    stretch = torch.diag(scale)
    return _through(weight @ stretch, bits) @ torch.diag(1 / scale)
