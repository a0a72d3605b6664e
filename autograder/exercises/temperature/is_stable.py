"""Where a softmax without a shift overflows."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Judgement = Callable[[Tensor, int, float], Tensor]


def _scales(name: str, dtype: torch.dtype, batch: int) -> CaseSpec:
    """Scales on both sides of every limit that somebody might take for the right one."""
    largest = float(torch.finfo(dtype).max)
    limits = (
        math.log(largest) - math.log(batch),
        math.log(largest),
        math.log2(largest),
        math.log10(largest),
        math.log(largest) + math.log(batch),
        100.0,
    )

    def make(rng: np.random.Generator) -> dict[str, object]:
        scales = [limit + side * rng.uniform(0.3, 0.9) for limit in limits for side in (-1, 1)]
        return {"logit_scale": rng.permutation(np.array(scales)), "batch": batch, "largest": largest}

    return case(f"{name} and N = {batch}", make)


asked = Exercise(
    "temperature.is_stable",
    title="Where exp overflows",
    minutes=6,
    skills=["floating point", "overflow"],
    reference=contrastive.is_stable,
    outputs=["judgement"],
    groups={"value": 1},
    exact=True,
    cases=[
        _scales("float32", torch.float32, 1),
        _scales("float16", torch.float16, 8),
        _scales("float32", torch.float32, 32768),
        _scales("float64", torch.float64, 64),
    ],
    hints=[
        "The worst case: all N cosines are 1. How large is the denominator then?",
        "N · exp(scale) must not exceed the largest number. Take logarithms on both sides, so that nothing "
        "overflows while you compare.",
        "logit_scale <= log(largest) − log(batch), entry by entry.",
    ],
    follow_up="At which batch size does a scale of 80 stop being safe in float32?",
)


@asked.misconception(
    "100 is taken for safe",
    says="You accept every scale up to CLIP's limit, whatever the dtype.",
    asks="What is exp(100), and what is the largest float32?",
    source="openai/CLIP#46, #530: the clip at 100 is no guard against overflow",
)
def clip_is_safe(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return logit_scale <= 100


@asked.misconception(
    "the scale itself is compared with the largest number",
    says="You accept every scale up to the largest number of the dtype.",
    asks="Which number has to be finite: the logit, or its exponential?",
)
def no_exp(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return logit_scale * batch <= largest


@asked.misconception(
    "the batch is forgotten",
    says="You look at one exponential; the denominator is a sum of N of them.",
    asks="What is the largest value of Σ_j exp(scale · s_ij)?",
)
def no_batch(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return logit_scale <= math.log(largest)


@asked.misconception(
    "the batch raises the limit",
    says="You add log N to the limit; a larger batch makes the sum larger, not safer.",
    asks="On which side of the inequality does N stand?",
)
def batch_helps(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return logit_scale <= math.log(largest) + math.log(batch)


@asked.misconception(
    "the exponent in base 2",
    says="You compare with log₂ of the largest number, 128 for float32; exp is a power of e.",
    asks="2¹²⁸ overflows. Which power of e is that?",
)
def base_two(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return logit_scale <= math.log2(largest) - math.log2(batch)


@asked.misconception(
    "the exponent in base 10",
    says="You compare with the decimal exponent, 38 for float32; exp is a power of e.",
    asks="10³⁸ is still finite. Which power of e is that?",
)
def base_ten(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return logit_scale <= math.log10(largest) - math.log10(batch)


@asked.misconception(
    "stable and unstable are exchanged",
    says="You mark the scales that overflow.",
    asks="Should a scale of 1 be True or False?",
)
def inverted(right: Judgement, logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return ~right(logit_scale, batch, largest)


@asked.also_correct("the logarithm of the sum")
def log_of_sum(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    return (logit_scale.double() + math.log(batch)).sub(math.log(largest)) <= 0


@asked.also_correct("scale by scale")
def one_by_one(logit_scale: Tensor, batch: int, largest: float) -> Tensor:
    limit = math.log(largest / batch)
    return torch.tensor([float(scale) <= limit for scale in logit_scale])
