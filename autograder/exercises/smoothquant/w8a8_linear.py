"""An integer layer, with a static scale or one for each token."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _layer(
    tokens: int, dim: int, outputs: int, static: bool, per_channel: bool, group: str, dead: bool = False
) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = rng.normal(size=(tokens, dim)) * np.exp(rng.normal(size=(tokens, 1)))
        weight = rng.normal(size=(outputs, dim)) * np.exp(rng.normal(size=(outputs, 1)))
        x[0, 0] = -1.5 * abs(x).max()
        if dead:
            x[1] = 0
        # The calibrated range ends before the largest value: it is clipped.
        scale = 0.6 * abs(x).max() / 127 if static else None
        return {"x": x, "weight": weight, "x_scale": scale, "per_channel": per_channel}

    activations = "a static scale" if static else "a scale for each token"
    weights = "one for each output" if per_channel else "one for the weight"
    name = f"{tokens}×{dim} by {outputs}×{dim}, {activations}, {weights}"
    return case(name + (", a token of zeros" if dead else ""), make, group=group)


asked = Exercise(
    "smoothquant.w8a8_linear",
    title="A layer in W8A8",
    minutes=14,
    skills=["integer arithmetic", "granularity"],
    reference=quantization.w8a8_linear,
    outputs=["output"],
    groups={"static": 1, "per token": 1, "a scale for each output": 1},
    cases=[
        _layer(2, 3, 3, True, False, "static"),
        _layer(4, 4, 3, True, False, "static"),
        _layer(2, 3, 2, False, False, "per token"),
        _layer(4, 4, 4, False, False, "per token"),
        _layer(3, 5, 2, False, False, "per token", dead=True),
        _layer(4, 4, 4, True, True, "a scale for each output"),
        _layer(3, 6, 5, False, True, "a scale for each output"),
    ],
    write_yourself=["course_lib.quantization.w8a8_product:_w8a8_linear"],
    hints=[
        "Find a step for the activations and one for the weights, round both to codes, multiply the codes, and put the "
        "steps in afterwards. Which steps can be put in afterwards?",
        "A token's step is max|x_t| / 127, shape [tokens, 1]; an output's is max|W_n| / 127, shape [outputs, 1] for the "
        "rounding and [outputs] at the end. Clip to ±127. A token of zeros has no step: bound it from below.",
        "sx = x_scale, or x.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127; qx = round(x / sx) clamped to ±127; "
        "qw likewise with dim 1 (or no dim); then qx @ qw.T, times sx, times the weights' steps in a row.",
    ],
    follow_up="Per-token scales must be found while the model runs. Which operations does a static scale save?",
)


def _step(values: Tensor, dim: int | None) -> Tensor:
    largest = values.abs().max() if dim is None else values.abs().amax(dim=dim, keepdim=True)
    return largest.clamp_min(1e-12) / 127


def _product(
    x: Tensor,
    weight: Tensor,
    x_scale: float | None,
    per_channel: bool,
    *,
    x_step: Tensor | None = None,
    w_step: Tensor | None = None,
    top: int = 127,
) -> Tensor:
    """The product with some steps replaced, dequantized first: any step at all may then be tried."""
    if x_step is None:
        x_step = _step(x, 1) if x_scale is None else x.new_tensor(x_scale)
    if w_step is None:
        w_step = _step(weight, 1 if per_channel else None)
    x_hat, w_hat = (
        torch.round(values / step).clamp(-top, top) * step for values, step in ((x, x_step), (weight, w_step))
    )
    return x_hat @ w_hat.T


@asked.misconception(
    "a scale for each input channel",
    says="Your steps of x belong to channels. They stand under the sum, where no integer product can leave them.",
    asks="Which axis of x [tokens, channels] does the product sum over?",
)
def per_input_channel(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    x_step = _step(x, 0) if x_scale is None else None
    return _product(x, weight, x_scale, per_channel, x_step=x_step)


@asked.misconception(
    "one scale for all tokens, found anew",
    says="Without x_scale you take one step from the largest token for all of them.",
    asks="What is left of a quiet token beside a loud one?",
)
def one_scale(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    x_step = _step(x, None) if x_scale is None else None
    return _product(x, weight, x_scale, per_channel, x_step=x_step)


@asked.misconception(
    "the static scale is ignored",
    says="You give each token its own step, even where calibration has fixed one.",
    asks="What is x_scale for?",
)
def always_per_token(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    return _product(x, weight, None, per_channel)


@asked.misconception(
    "the weight's scales belong to the inputs",
    says="With per_channel you give each column of the weight a step: those channels are summed over.",
    asks="What is a channel of a weight, if its scale has to be put in after the sum?",
)
def columns(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    w_step = _step(weight, 0) if per_channel else None
    return _product(x, weight, x_scale, per_channel, w_step=w_step)


@asked.misconception(
    "per_channel is ignored: always a scale for each output",
    says="You give each output its own step, also where one is asked for.",
    asks="What should happen for per_channel=False?",
)
def always_per_channel(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    return _product(x, weight, x_scale, True)


@asked.misconception(
    "per_channel is ignored: always one scale",
    says="You use one step for the whole weight, also where each output is to have its own.",
    asks="What should happen for per_channel=True?",
)
def never_per_channel(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    return _product(x, weight, x_scale, False)


@asked.misconception(
    "nothing is clipped",
    says="With a static scale some codes are beyond 127: no int8.",
    asks="What happens to a value that is larger than any in the calibration data?",
)
def no_clip(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    return _product(x, weight, x_scale, per_channel, top=100_000)


@asked.misconception(
    "codes wrap round instead of being clipped",
    says="You convert to int8 before you clip, so that a code of 200 becomes −56.",
    asks="In which order must clip and conversion come?",
)
def wraps(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    step = _step(x, 1) if x_scale is None else x.new_tensor(x_scale)
    codes = torch.round(x / step).to(torch.int64).to(torch.int8).to(x.dtype)
    w_step = _step(weight, 1 if per_channel else None)
    return (codes * step) @ (torch.round(weight / w_step) * w_step).T


@asked.misconception(
    "the product is taken in int8",
    says="You multiply int8 tensors: each sum of products wraps round.",
    asks="How large is 127 · 127, and what is the largest int8?",
)
def int8_sums(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    x_step = _step(x, 1) if x_scale is None else x.new_tensor(x_scale)
    w_step = _step(weight, 1 if per_channel else None)
    x_codes = torch.round(x / x_step).clamp(-127, 127).to(torch.int8)
    w_codes = torch.round(weight / w_step).to(torch.int8)
    return (x_codes @ w_codes.T).to(x.dtype) * x_step * w_step.reshape(-1)


@asked.misconception(
    "only the weights are quantized",
    says="Your activations are as they came: that is W8A16, which needs no integer product.",
    asks="What do the two eights of W8A8 stand for?",
)
def weights_only(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    w_step = _step(weight, 1 if per_channel else None)
    return x @ (torch.round(weight / w_step) * w_step).T


@asked.misconception(
    "only the activations are quantized",
    says="Your weights are as they came.",
    asks="Can an integer unit multiply an int8 by a float?",
)
def activations_only(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    step = _step(x, 1) if x_scale is None else x.new_tensor(x_scale)
    return (torch.round(x / step).clamp(-127, 127) * step) @ weight.T


@asked.misconception(
    "without the scales",
    says="You return sums of codes, not values.",
    asks="What is a code of 1 worth, times a code of 1?",
)
def no_scales(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    step = _step(x, 1) if x_scale is None else x.new_tensor(x_scale)
    w_step = _step(weight, 1 if per_channel else None)
    return torch.round(x / step).clamp(-127, 127) @ torch.round(weight / w_step).T


@asked.misconception(
    "the steps divide by 128",
    says="Your steps are max / 128, so that the largest value itself would need the code 128.",
    asks="Codes go from −127 to 127. Which one should the largest value get?",
)
def power_of_two(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    x_step = _step(x, 1) * 127 / 128 if x_scale is None else None
    w_step = _step(weight, 1 if per_channel else None) * 127 / 128
    return _product(x, weight, x_scale, per_channel, x_step=x_step, w_step=w_step)


@asked.misconception(
    "the fraction is cut off",
    says="You convert to int8 without rounding: every code is pulled towards 0.",
    asks="What does .to(torch.int8) make of 2.9?",
)
def truncates(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    step = _step(x, 1) if x_scale is None else x.new_tensor(x_scale)
    w_step = _step(weight, 1 if per_channel else None)
    return (torch.trunc(x / step).clamp(-127, 127) * step) @ (torch.trunc(weight / w_step) * w_step).T


@asked.misconception(
    "a token of zeros",
    says="A token whose entries are all 0 gets the step 0, and 0 / 0 is NaN.",
    asks="Which lower bound does a step need?",
)
def dead_token(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    step = x.abs().amax(dim=1, keepdim=True) / 127 if x_scale is None else None
    return _product(x, weight, x_scale, per_channel, x_step=step)


@asked.also_correct("integers, scales at the end")
def integers(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    if x_scale is None:
        x_step = torch.clamp(x.abs().max(dim=1, keepdim=True).values, min=1e-30) / 127
    else:
        x_step = torch.full((1, 1), x_scale, dtype=x.dtype)
    largest = weight.abs().amax(dim=1) if per_channel else weight.abs().max().expand(len(weight))
    w_step = largest / 127
    x_codes = (x / x_step).round().clamp(-127, 127).to(torch.int8)
    w_codes = (weight / w_step[:, None]).round().to(torch.int8)
    return (x_codes.int() @ w_codes.int().T) * x_step * w_step


@asked.also_correct("dequantized first, row by row")
def row_by_row(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    def on_grid(row: Tensor, step: float) -> Tensor:
        return step * torch.clamp(torch.round(row / step), -127, 127) if step else row

    whole = float(weight.abs().max()) / 127
    rows = [on_grid(row, float(row.abs().max()) / 127 if per_channel else whole) for row in weight]
    tokens = [on_grid(row, float(row.abs().max()) / 127 if x_scale is None else x_scale) for row in x]
    return torch.stack(tokens) @ torch.stack(rows).T
