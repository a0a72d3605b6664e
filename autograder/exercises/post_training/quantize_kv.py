"""Spot the bugs: a cache of few bits, each token of each head with a range of its own."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization
from course_lib.experiments.post_training import kv_with_three_bugs

Three = tuple[Tensor, Tensor, Tensor]


def _states(batch: int, heads: int, tokens: int, dim: int, bits: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        sizes = rng.uniform(0.3, 4, size=(batch, heads, tokens, 1))
        states = sizes * rng.normal(size=(batch, heads, tokens, dim))
        states[:, :, -1] = rng.uniform(1, 3, size=(batch, heads, dim))  # of one sign: does its range hold 0?
        return {"states": states, "bits": bits}

    return case(f"{batch}×{heads} heads of {tokens} tokens, {dim} wide, on {bits} bits", make)


asked = Exercise(
    "post_training.quantize_kv",
    title="Spot the bugs",
    minutes=9,
    skills=["code review", "KV cache", "granularity"],
    reference=quantization.quantize_kv,
    outputs=["codes", "scale", "zero_point"],
    groups={"value": 3},
    cases=[_states(1, 2, 3, 4, 4), _states(2, 3, 2, 5, 8), _states(1, 4, 4, 4, 4)],
    stretch=True,
    hints=[
        "There are three. Whose range is it? Which value must every range contain? What is a zero point?",
        "One is in the axes of minimum and maximum (heads do not share), one in the ends (0 has to be inside), one in the "
        "conversion of the zero point (it drops a fraction).",
        "amin and amax over dim=3 alone; .clamp_max(0) and .clamp_min(0) on them; torch.round before .long().",
    ],
    follow_up="A scale for a whole head has to wait until all tokens are known. Why does that not suit decoding?",
)


def _variant(
    states: Tensor, bits: int, *, axes: bool = True, zero: bool = True, rounded: bool = True
) -> Three:
    """The function with some of its bugs mended."""
    qmin, qmax = quantization.code_range(bits)
    dims = (3,) if axes else (1, 3)
    low, high = states.amin(dim=dims, keepdim=True), states.amax(dim=dims, keepdim=True)
    if zero:
        low, high = low.clamp_max(0), high.clamp_min(0)
    scale = (high - low) / (qmax - qmin)
    zero_point = qmin - low / scale
    zero_point = (torch.round(zero_point) if rounded else zero_point).long()
    return torch.round(states / scale + zero_point).clamp(qmin, qmax).to(torch.int8), scale, zero_point


@asked.misconception(
    "all heads still share a scale",
    says="Two of the bugs are gone; a token's range still runs over all heads.",
    asks="Which axes does amin(dim=(1, 3)) take away?",
)
def axes_left(states: Tensor, bits: int) -> Three:
    return _variant(states, bits, axes=False)


@asked.misconception(
    "the range still does not contain zero",
    says="Two of the bugs are gone; a token whose entries have one sign still gets a zero point outside of the codes.",
    asks="What should low be, if all entries are positive?",
)
def zero_left(states: Tensor, bits: int) -> Three:
    return _variant(states, bits, zero=False)


@asked.misconception(
    "the zero point is still cut off",
    says="Two of the bugs are gone; .long() still drops the fraction of the zero point.",
    asks="What does .long() make of -2.9?",
)
def rounding_left(states: Tensor, bits: int) -> Three:
    return _variant(states, bits, rounded=False)


@asked.misconception(
    "only the axes are mended",
    says="One bug is gone; the ends and the zero point are as printed.",
    asks="Is 0 in every range, and what does .long() do?",
)
def only_axes(states: Tensor, bits: int) -> Three:
    return _variant(states, bits, zero=False, rounded=False)


@asked.misconception(
    "only the ends are mended",
    says="One bug is gone; the axes and the zero point are as printed.",
    asks="Whose range is it, and what does .long() do?",
)
def only_zero(states: Tensor, bits: int) -> Three:
    return _variant(states, bits, axes=False, rounded=False)


@asked.misconception(
    "only the rounding is mended",
    says="One bug is gone; the axes and the ends are as printed.",
    asks="Whose range is it, and is 0 in it?",
)
def only_rounded(states: Tensor, bits: int) -> Three:
    return _variant(states, bits, axes=False, zero=False)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="How many of its lines have you changed?",
)
def as_printed(states: Tensor, bits: int) -> Three:
    return kv_with_three_bugs(states, bits)


@asked.misconception(
    "one scale for all tokens of a head",
    says="Your ranges run over the tokens as well: the loudest token sets the scale of all others.",
    asks="When the next token comes, what happens to the codes of those before it?",
)
def per_head(states: Tensor, bits: int) -> Three:
    return quantization.quantize_kv(states, bits, per="head")


@asked.also_correct("as printed, mended")
def mended(states: Tensor, bits: int) -> Three:
    qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    low = states.amin(dim=3, keepdim=True).clamp_max(0)
    high = states.amax(dim=3, keepdim=True).clamp_min(0)
    scale = (high - low) / (qmax - qmin)
    zero_point = torch.round(qmin - low / scale).long()
    codes = torch.round(states / scale + zero_point).clamp(qmin, qmax).to(torch.int8)
    return codes, scale, zero_point


@asked.also_correct("every token as a channel")
def as_rows(states: Tensor, bits: int) -> Three:
    rows = states.reshape(-1, states.shape[3])
    found = quantization.quantize_per_channel(rows, *quantization.code_range(bits), 0)
    shape = (*states.shape[:3], 1)
    return found.codes.reshape(states.shape), found.scale.reshape(shape), found.zero_point.reshape(shape)
