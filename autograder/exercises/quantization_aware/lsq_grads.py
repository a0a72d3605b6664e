"""The gradients of learned step size quantization, by hand."""

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Grads = tuple[Tensor, Tensor]


def lsq_grads(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    """Gradients with respect to the values and to the step."""
    leaf, step = x.detach().clone().requires_grad_(), scale.detach().clone().requires_grad_()
    y = quantization.lsq_fake_quantize(leaf, step, qmin, qmax)
    first, second = torch.autograd.grad(y, (leaf, step), upstream)
    return first, second


def _case(shape: tuple[int, ...], bits: int, signed: bool, name: str) -> CaseSpec:
    qmin, qmax = quantization.code_range(bits, signed=signed)

    def make(rng: Generator) -> dict[str, object]:
        size = int(np.prod(shape))
        places = rng.integers(qmin, qmax + 1, size=size) + rng.uniform(0.08, 0.42, size=size) * rng.choice(
            [-1, 1], size=size
        )
        # Inside, away from the ends; then some beyond either end, one of them by less than half a step.
        places = np.clip(places, qmin + 0.1, qmax - 0.1)
        places[:4] = qmax + 1.7, qmin - 2.2, qmax + 0.3, qmin - 0.3
        scale = rng.uniform(0.2, 0.6)
        return {
            "x": (scale * places).reshape(shape),
            "scale": np.array(scale),
            "qmin": qmin,
            "qmax": qmax,
            "upstream": rng.normal(size=shape),
        }

    return case(name, make)


asked = Exercise(
    "quantization_aware.lsq_grads",
    title="A step that learns",
    minutes=18,
    skills=["learned step size", "derivation", "straight-through estimator"],
    reference=lsq_grads,
    outputs=["gradient of x", "gradient of scale"],
    groups={"value": 3},
    cases=[
        _case((6,), 3, True, "6 values on 3 bits"),
        _case((3, 4), 3, True, "3×4 values on 3 bits"),
        _case((2, 6), 2, False, "2×6 values on 2 bits without a sign"),
    ],
    hints=[
        "Write x̃ = s·(v + r) inside, with v = x/s and r = round(v) − v taken for a constant; outside, x̃ is s times a "
        "code. Differentiate both with respect to s.",
        "Three cases for each value: v < qmin, v > qmax, between. The step is shared, so its derivatives are "
        "multiplied by upstream and summed; then comes the factor 1/√(x.numel() · qmax).",
        "offset = round(v) - v inside, qmin below, qmax above; grad_scale = (upstream * offset).sum() / "
        "math.sqrt(x.numel() * qmax); grad_x = upstream where qmin <= v <= qmax, else 0.",
    ],
    follow_up="Most values are clipped. Which sign has the step's gradient, if the loss wants larger values?",
)


def _parts(x: Tensor, scale: Tensor, qmin: int, qmax: int) -> tuple[Tensor, Tensor, Tensor]:
    v = x / scale
    return v, v < qmin, v > qmax


def _offset(x: Tensor, scale: Tensor, qmin: int, qmax: int) -> Tensor:
    v, below, above = _parts(x, scale, qmin, qmax)
    ends = below * float(qmin) + above * float(qmax)
    return ends.to(x.dtype) + (torch.round(v) - v) * ~(below | above)


def _factor(x: Tensor, qmax: int) -> float:
    return 1 / math.sqrt(x.numel() * qmax)


def _of_x(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Tensor:
    _, below, above = _parts(x, scale, qmin, qmax)
    return upstream * ~(below | above)


def _with_step(
    x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor, offset: Tensor, factor: float
) -> Grads:
    return _of_x(x, scale, qmin, qmax, upstream), factor * (upstream * offset).sum()


@asked.misconception(
    "the step's gradient is not scaled",
    says="Your sum is right, but the paper's factor 1/√(numel·qmax) is missing: the step would move far too fast.",
    asks="How many values add to the step's gradient, and how many to that of one value?",
    source="Esser et al. 2019, arXiv:1902.08153, section 2.2",
)
def unscaled(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    return _with_step(x, scale, qmin, qmax, upstream, _offset(x, scale, qmin, qmax), 1.0)


@asked.misconception(
    "the clipped values are forgotten",
    says="Your step hears only of the values inside. Those that are clipped are the ones that want a wider grid.",
    asks="A clipped value becomes s·qmax. What is its derivative with respect to s?",
)
def clipped_forgotten(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    v, below, above = _parts(x, scale, qmin, qmax)
    offset = (torch.round(v) - v) * ~(below | above)
    return _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax))


@asked.misconception(
    "clipped values vote with their own size",
    says="Outside you have v itself, where x̃ is s times the last code: however far out the value lies, ∂x̃/∂s is that code.",
    asks="What is x̃ of a value far above the range, as a function of s?",
)
def own_size(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    v, below, above = _parts(x, scale, qmin, qmax)
    offset = torch.where(below | above, v, torch.round(v) - v)
    return _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax))


@asked.misconception(
    "the offset has the wrong sign",
    says="Inside you have v − round(v) instead of round(v) − v.",
    asks="x̃ = s·round(v). If s grows and round(v) stays, does x̃ − x grow with or against the offset?",
)
def offset_turned(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    v, below, above = _parts(x, scale, qmin, qmax)
    ends = (below * float(qmin) + above * float(qmax)).to(x.dtype)
    offset = ends + (v - torch.round(v)) * ~(below | above)
    return _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax))


@asked.misconception(
    "the sign of the step's gradient is turned round",
    says="Your step would grow where it should shrink.",
    asks="Take one value far above the range: does a larger s make x̃ larger or smaller?",
)
def turned(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    return _with_step(x, scale, qmin, qmax, upstream, -_offset(x, scale, qmin, qmax), _factor(x, qmax))


@asked.misconception(
    "the code itself inside",
    says="Inside you have round(v): the derivative with x's own share left out. The estimator says that round(v) "
    "follows v = x/s, which falls when s grows.",
    asks="What does v = x/s do when s grows?",
)
def code_inside(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    offset = torch.round((x / scale).clamp(qmin, qmax))
    return _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax))


@asked.misconception(
    "the lower end has qmax too",
    says="Values below the range get +qmax, those above as well: the lower end is qmin, and negative.",
    asks="Which code has a value below the range?",
)
def lower_end(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    v, below, above = _parts(x, scale, qmin, qmax)
    offset = ((below | above) * float(qmax)).to(x.dtype) + (torch.round(v) - v) * ~(below | above)
    return _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax))


@asked.misconception(
    "the factor is a square",
    says="Your factor is 1/(numel·qmax), without the root.",
    asks="How does the norm of a sum of n numbers of random sign grow with n?",
)
def no_root(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    offset = _offset(x, scale, qmin, qmax)
    return _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax) ** 2)


@asked.misconception(
    "the factor without qmax",
    says="Your factor is 1/√numel.",
    asks="What are the largest terms of the sum, and how do they grow with the bits?",
)
def without_qmax(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    offset = _offset(x, scale, qmin, qmax)
    return _with_step(x, scale, qmin, qmax, upstream, offset, 1 / math.sqrt(x.numel()))


@asked.misconception(
    "clipped values keep their gradient",
    says="Your gradient of x has no mask: clipped values are pushed as well.",
    asks="Does x̃ change when a clipped value moves a little?",
)
def unmasked(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    offset = _offset(x, scale, qmin, qmax)
    return upstream * 1, _with_step(x, scale, qmin, qmax, upstream, offset, _factor(x, qmax))[1]


@asked.misconception(
    "the range of the rounded code",
    says="You ask whether round(v) lies inside, as torch does. For a value up to half a step beyond an end the paper "
    "says clipped: its offset is the end's code, not a small number.",
    asks="Is v = qmax + 0.3 inside qmin ≤ v ≤ qmax?",
    source="torch._fake_quantize_learnable_per_tensor_affine decides by the rounded code",
)
def by_code(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    v = x / scale
    code = torch.round(v)
    inside = (code >= qmin) & (code <= qmax)
    offset = torch.where(inside, code - v, code.clamp(qmin, qmax))
    return upstream * inside, _factor(x, qmax) * (upstream * offset).sum()


@asked.misconception(
    "the upstream gradient is left out",
    says="Your step's gradient does not depend on what the loss wants.",
    asks="What does the chain rule multiply ∂x̃/∂s by?",
)
def no_upstream(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    return _of_x(x, scale, qmin, qmax, upstream), _factor(x, qmax) * _offset(x, scale, qmin, qmax).sum()


@asked.misconception(
    "a mean instead of the sum",
    says="You divide by the number of values, and by the paper's factor as well.",
    asks="What is the derivative of a loss with respect to a number that many values share: a sum or a mean?",
)
def mean(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    offset = _offset(x, scale, qmin, qmax)
    return _of_x(x, scale, qmin, qmax, upstream), _factor(x, qmax) * (upstream * offset).mean()


@asked.misconception(
    "a mean in place of the factor",
    says="You divide the sum by the number of values, instead of by the root of that number and of qmax.",
    asks="The paper's factor balances a step against weights. How does it fall with the number of values?",
)
def mean_for_factor(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    offset = _offset(x, scale, qmin, qmax)
    return _of_x(x, scale, qmin, qmax, upstream), (upstream * offset).mean()


@asked.also_correct("with where")
def with_where(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    v = x / scale
    inside = torch.logical_and(v >= qmin, v <= qmax)
    offset = torch.where(inside, v.round() - v, v.clamp(qmin, qmax))
    step = torch.dot(upstream.flatten(), offset.flatten()) / (x.numel() * qmax) ** 0.5
    return torch.where(inside, upstream, torch.zeros_like(upstream)), step


@asked.also_correct("by autograd, from a rounding whose gradient goes straight through")
def by_autograd(x: Tensor, scale: Tensor, qmin: int, qmax: int, upstream: Tensor) -> Grads:
    leaf, step = x.detach().clone().requires_grad_(), scale.detach().clone().requires_grad_()
    v = torch.clamp(leaf / step, qmin, qmax)
    y = step * (v + (v.round() - v).detach())
    of_x, of_step = torch.autograd.grad(y, (leaf, step), upstream)
    return of_x, of_step / math.sqrt(x.numel() * qmax)
