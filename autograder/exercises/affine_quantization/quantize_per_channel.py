"""A scale for each channel."""

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Three = tuple[Tensor, Tensor, Tensor]


def _matrix(rows: int, columns: int, axis: int, dead: bool = False) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = 0.3 + rng.normal(size=(rows, columns))
        channels = x if axis == 0 else x.T
        channels[0] = rng.uniform(1, 2, size=(x.shape[1 - axis],))  # of one sign
        sizes = rng.uniform(0.2, 5, size=(x.shape[axis],))
        if dead:
            sizes[1] = 0
        x = x * (sizes[:, None] if axis == 0 else sizes)
        return {"x": x, "qmin": -8, "qmax": 7, "axis": axis}

    name = f"{rows}×{columns} values, channels along axis {axis}"
    return case(name + (", one of them dead" if dead else ""), make, group="dead channel" if dead else None)


asked = Exercise(
    "affine_quantization.quantize_per_channel",
    title="A scale for each channel",
    minutes=12,
    skills=["granularity", "broadcasting"],
    reference=quantization.quantize_per_channel,
    outputs=["code tensor", "scale", "zero_point"],
    groups={"value": 2, "dead channel": 1},
    cases=[
        _matrix(3, 5, 0),
        _matrix(4, 2, 1),
        _matrix(4, 4, 0),  # square: here a scale along the wrong axis raises nothing
        _matrix(3, 6, 0, dead=True),
    ],
    write_yourself=["course_lib.quantization.granularity:channel_qparams"],
    hints=[
        "Each channel has a smallest and a largest value: two vectors, which affine_qparams takes as they are.",
        "The reductions run over the *other* axis. Then x [rows, columns] is divided by scales that need shape "
        "[rows, 1] or [1, columns].",
        "other = 1 - axis; x_min = x.amin(dim=other), x_max likewise; scale, z = quantization.affine_qparams(...); "
        "then quantization.quantize with axis=axis, or unsqueeze(other) by hand.",
    ],
    follow_up="A weight has shape [out, in]. Why are its scales given per output, and not per input?",
)


def _codes(x: Tensor, scale: Tensor, zero_point: Tensor, qmin: int, qmax: int, other: int) -> Tensor:
    steps = torch.round(x / scale.unsqueeze(other)) + zero_point.unsqueeze(other)
    return steps.nan_to_num(0).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "the wrong axis",
    says="You give a scale to each position along the other axis.",
    asks="Over which axis do amin and amax run, if each row is a channel?",
)
def wrong_axis(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    return quantization.quantize_per_channel(x, qmin, qmax, 1 - axis)


@asked.misconception(
    "always the rows",
    says="You ignore the argument axis: right for axis 0 only.",
    asks="What does your function do for axis=1?",
)
def always_rows(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    return quantization.quantize_per_channel(x, qmin, qmax, 0)


@asked.misconception(
    "the range of the whole tensor",
    says="All your channels have the same scale: that of the loudest one.",
    asks="Whose smallest and largest values should a channel's scale depend on?",
)
def whole_tensor(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    codes, scale, zero_point = quantization.quantize_per_tensor(x, qmin, qmax)
    return codes, scale.expand(x.shape[axis]), zero_point.expand(x.shape[axis])


@asked.misconception(
    "the scales are laid along the wrong axis",
    says="Scale and zero point are right, but a vector of them lines up with the last axis, whichever you mean.",
    asks="Which shape must the scales have, so that each divides its own row?",
)
def not_broadcast(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    scale, zero_point = quantization.channel_qparams(x, qmin, qmax, axis)
    codes = (torch.round(x / scale) + zero_point).clamp(qmin, qmax).to(torch.int8)
    return codes, scale, zero_point


@asked.misconception(
    "a dead channel divides by zero",
    says="Where a channel is all zeros its scale is 0, and 0/0 is NaN.",
    asks="What is the smallest scale that you allow?",
    source="neural-compressor#1427, sparseml#1872",
)
def dead_channel(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    other = 1 - axis
    low, high = x.amin(dim=other).clamp_max(0), x.amax(dim=other).clamp_min(0)
    scale = (high - low) / (qmax - qmin)
    zero_point = (qmin - torch.round(low / scale)).nan_to_num(0).long()
    return _codes(x, scale, zero_point, qmin, qmax, other), scale, zero_point


@asked.misconception(
    "ranges without zero",
    says="A channel whose values have one sign gets a range without 0, and a zero point outside of the codes.",
    asks="Which code does 0 get in such a channel?",
    source="AutoAWQ#185, pytorch#108646, nni#3493",
)
def without_zero(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    other = 1 - axis
    low, high = x.amin(dim=other), x.amax(dim=other)
    scale = ((high - low) / (qmax - qmin)).clamp_min(2.0**-23)
    zero_point = (qmin - torch.round(low / scale)).long()
    return _codes(x, scale, zero_point, qmin, qmax, other), scale, zero_point


@asked.misconception(
    "symmetric scales",
    says="Your zero points are all 0. That is usual for weights; here each channel's own range is asked for.",
    asks="Which arguments does affine_qparams get from you?",
)
def symmetric(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    return quantization.quantize_per_channel(x, qmin, qmax, axis, symmetric=True)


@asked.misconception(
    "the zero points are left out of the codes",
    says="Scale and zero point are right, but your codes are those of z = 0.",
    asks="Which code should the value 0 get?",
)
def zero_points_left_out(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    scale, zero_point = quantization.channel_qparams(x, qmin, qmax, axis)
    return _codes(x, scale, torch.zeros_like(zero_point), qmin, qmax, 1 - axis), scale, zero_point


@asked.also_correct("the library's quantize, with its axis")
def with_axis(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    dims = [dim for dim in range(x.ndim) if dim != axis]
    scale, zero_point = quantization.affine_qparams(x.amin(dims), x.amax(dims), qmin, qmax)
    return quantization.quantize(x, scale, zero_point, qmin, qmax, axis=axis), scale, zero_point


@asked.also_correct("channel by channel")
def one_by_one(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    parts = [quantization.quantize_per_tensor(channel, qmin, qmax) for channel in x.unbind(axis)]
    codes, scales, zero_points = zip(*parts, strict=True)
    return torch.stack(codes, dim=axis), torch.stack(scales), torch.stack(zero_points)


@asked.also_correct("broadcast by hand")
def by_hand(x: Tensor, qmin: int, qmax: int, axis: int) -> Three:
    rows = x if axis == 0 else x.T
    low = torch.minimum(rows.min(dim=1).values, torch.zeros(()))
    high = torch.maximum(rows.max(dim=1).values, torch.zeros(()))
    scale = torch.clamp((high - low) / (qmax - qmin), min=2.0**-23)
    zero_point = qmin - (low / scale).round().long()
    codes = torch.clamp((rows / scale[:, None]).round() + zero_point[:, None], qmin, qmax).char()
    return codes if axis == 0 else codes.T, scale, zero_point
