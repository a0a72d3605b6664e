"""Spot the bugs: a trained layer becomes integers."""

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization
from course_lib.experiments.quantization_aware import convert_with_three_bugs

Converted = tuple[Tensor, Tensor, Tensor]


def convert_layer(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    """Codes, scale for each output, and bias of a linear layer with batch normalisation behind it."""
    folded, bias = quantization.fold_batch_norm(weight, None, gamma, beta, running_mean, running_var, eps)
    qmin, qmax = quantization.code_range(bits, narrow=True)
    codes, scale, _ = quantization.quantize_per_channel(folded, qmin, qmax, symmetric=True)
    return codes, scale, bias


def _layer(outputs: int, inputs: int, bits: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        return {
            "weight": rng.normal(size=(outputs, inputs)) * rng.uniform(0.5, 3, size=(outputs, 1)),
            "gamma": rng.choice([-1, 1], size=outputs) * rng.uniform(0.5, 2, size=outputs),
            "beta": rng.normal(size=outputs),
            "running_mean": rng.normal(size=outputs),
            "running_var": rng.uniform(0.05, 4, size=outputs),
            "last_batch": rng.normal(size=(5, inputs)),
            "bits": bits,
            "eps": float(rng.uniform(0.01, 0.05)),
        }

    return case(f"{inputs} inputs, {outputs} outputs, {bits} bits", make)


def _variant(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
    *,
    running: bool = True,
    inside: bool = True,
    float_bias: bool = True,
) -> Converted:
    """The function with some of its bugs mended."""
    y = last_batch @ weight.T
    mean, var = (running_mean, running_var) if running else (y.mean(dim=0), y.var(dim=0))
    factor = gamma / (torch.sqrt(var + eps) if inside else torch.sqrt(var) + eps)
    folded, bias = weight * factor[:, None], beta - mean * factor
    qmax = 2 ** (bits - 1) - 1
    scale = folded.abs().amax(dim=1) / qmax
    codes = torch.round(folded / scale[:, None]).to(torch.int8)
    return codes, scale, bias if float_bias else scale * torch.round(bias / scale).clamp(-qmax, qmax)


asked = Exercise(
    "quantization_aware.convert_layer",
    title="Spot the bugs",
    minutes=10,
    skills=["code review", "batch normalisation", "deployment"],
    reference=convert_layer,
    outputs=["codes", "scale", "bias"],
    groups={"value": 3},
    cases=[_layer(2, 3, 4), _layer(3, 3, 3), _layer(4, 2, 5)],
    stretch=True,
    hints=[
        "There are three. Whose mean and variance? Where does ε stand? And what needs no rounding at all?",
        "One is in the statistics, one in the root, one in the last line.",
        "running_mean and running_var instead of the batch's; torch.sqrt(var + eps); and the bias as it is.",
    ],
    follow_up="Which of the three would a comparison with the model in training mode have hidden?",
)


def _declare(name: str, title: str, says: str, asks: str, **settings: bool) -> None:
    def answer(
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        last_batch: Tensor,
        bits: int,
        eps: float,
    ) -> Converted:
        return _variant(weight, gamma, beta, running_mean, running_var, last_batch, bits, eps, **settings)

    answer.__name__ = name
    asked.misconception(title, says=says, asks=asks)(answer)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives what the printed one gives.",
    asks="Does what a layer computes depend on who else is in its last batch?",
)
def as_printed(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    return convert_with_three_bugs(weight, gamma, beta, running_mean, running_var, last_batch, bits, eps)


_declare(
    "batch_statistics",
    "the batch's statistics are still folded in",
    "Root and bias are right; mean and variance are those of the last batch.",
    "Which statistics does batch normalisation use in evaluation mode?",
    running=False,
)
_declare(
    "eps_outside",
    "ε still stands outside of the root",
    "Statistics and bias are right; you divide by √var + ε.",
    "What does BatchNorm take the root of?",
    inside=False,
)
_declare(
    "bias_rounded",
    "the bias is still rounded",
    "Statistics and root are right; the bias is cut to the few codes of the weight.",
    "On which grid do the sums lie, to which the bias is added?",
    float_bias=False,
)
_declare(
    "only_statistics",
    "only the statistics are mended",
    "The root and the bias are as printed.",
    "Which other two lines change a number that they should not?",
    inside=False,
    float_bias=False,
)
_declare(
    "only_root",
    "only the root is mended",
    "The statistics and the bias are as printed.",
    "Where do mean and variance come from, and what becomes of the bias?",
    running=False,
    float_bias=False,
)
_declare(
    "only_bias",
    "only the bias is mended",
    "The statistics and the root are as printed.",
    "Where do mean and variance come from, and where is ε added?",
    running=False,
    inside=False,
)


@asked.misconception(
    "quantized before folding, and the scale's sign kept",
    says="You quantize the weight first and multiply its scale by γ/√(σ² + ε). That is allowed, but where γ is negative "
    "your scale is negative and the codes are turned round.",
    asks="What is the sign of a step's width?",
)
def negative_scales(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    factor = gamma / torch.sqrt(running_var + eps)
    qmin, qmax = quantization.code_range(bits, narrow=True)
    codes, scale, _ = quantization.quantize_per_channel(weight, qmin, qmax, symmetric=True)
    return codes, scale * factor, beta - running_mean * factor


@asked.misconception(
    "the bias is rounded to whole steps of the weight",
    says="You no longer clip the bias, but it is still rounded, to multiples of the weight's step. The sums that it is "
    "added to have a far finer grid: that step times the inputs' one.",
    asks="What does rounding the bias save, beside a matrix of codes?",
)
def bias_on_steps(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    codes, scale, bias = convert_layer(weight, gamma, beta, running_mean, running_var, last_batch, bits, eps)
    return codes, scale, scale * torch.round(bias / scale)


@asked.misconception(
    "the mean is right, the variance still the batch's",
    says="You fold in the running mean, and the variance of the last batch.",
    asks="Which two statistics does batch normalisation keep?",
)
def batch_variance(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    var = (last_batch @ weight.T).var(dim=0)
    return convert_layer(weight, gamma, beta, running_mean, var, last_batch, bits, eps)


@asked.misconception(
    "codes of one bit too many",
    says="Your largest code is 2ᵇ − 1, and half of the codes are negative.",
    asks="Which codes do 4 bits hold, with a sign?",
)
def one_bit_more(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    return convert_layer(weight, gamma, beta, running_mean, running_var, last_batch, bits + 1, eps)


@asked.misconception(
    "one scale for the whole weight",
    says="Your scale is the same for every output.",
    asks="How many scales did the printed function have?",
)
def per_tensor(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    folded, bias = quantization.fold_batch_norm(weight, None, gamma, beta, running_mean, running_var, eps)
    qmax = 2 ** (bits - 1) - 1
    scale = folded.abs().amax() / qmax
    return torch.round(folded / scale).to(torch.int8), scale.expand(len(weight)).clone(), bias


@asked.also_correct("the printed lines, mended")
def mended(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    factor = gamma / torch.sqrt(running_var + eps)
    folded = weight * factor[:, None]
    scale = folded.abs().amax(dim=1) / (2 ** (bits - 1) - 1)
    return torch.round(folded / scale[:, None]).to(torch.int8), scale, beta - running_mean * factor


@asked.also_correct("quantized first, then folded into the scale")
def quantized_first(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> Converted:
    factor = gamma * torch.rsqrt(running_var + eps)
    qmin, qmax = quantization.code_range(bits, narrow=True)
    codes, scale, _ = quantization.quantize_per_channel(weight, qmin, qmax, symmetric=True)
    turned = torch.where(factor < 0, -1, 1).to(torch.int8)[:, None]
    return codes * turned, scale * factor.abs(), beta - factor * running_mean
