"""A matrix product of codes."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _product(
    tokens: int, outputs: int, dim: int, zeros: tuple[int, int], largest: int, group: str | None = None
) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        x, w = (
            rng.integers(-largest - 1, largest + 1, size=(rows, dim)).astype(np.int8)
            for rows in (tokens, outputs)
        )
        x[0], w[0] = largest, largest  # the largest sum there is
        return {
            "x_codes": x,
            "w_codes": w,
            "x_scale": np.array(rng.uniform(0.01, 0.1)),
            "x_zero_point": zeros[0],
            "w_scale": np.array(rng.uniform(0.01, 0.1)),
            "w_zero_point": zeros[1],
        }

    return case(
        f"{tokens}×{dim} by {outputs}×{dim} codes up to {largest}, z = {zeros[0]} and {zeros[1]}",
        make,
        group=group,
    )


asked = Exercise(
    "affine_quantization.int_matmul",
    title="Multiplying codes",
    minutes=15,
    skills=["integer arithmetic", "zero point", "derivation"],
    reference=quantization.int_matmul,
    outputs=["product"],
    groups={"value": 2, "no overflow": 1},
    cases=[
        _product(2, 3, 2, (1, -2), 3),
        _product(3, 3, 3, (2, 3), 2),
        _product(2, 4, 3, (-1, 2), 3),
        _product(3, 2, 6, (-90, 70), 127, group="no overflow"),
    ],
    hints=[
        "Multiply out (q_x − z_x)(q_w − z_w) and sum over k: four terms, of which only one is a matrix product.",
        "Codes to int32. Products [tokens, outputs]; row sums of x [tokens, 1]; row sums of w [1, outputs]; and one "
        "number, K·z_x·z_w. Scales at the very end.",
        "x, w = x_codes.int(), w_codes.int(); total = x @ w.T − z_w · x.sum(1, keepdim=True) − z_x · w.sum(1) + "
        "K · z_x · z_w, and x_scale · w_scale · total.",
    ],
    follow_up="Which of the four terms are known before the first input is seen? What do symmetric weights save?",
)


def _terms(x_codes: Tensor, w_codes: Tensor, x_zero_point: int, w_zero_point: int) -> tuple[Tensor, ...]:
    x, w = x_codes.int(), w_codes.int()
    dim = torch.tensor(x.shape[1] * x_zero_point * w_zero_point)
    return x @ w.T, w_zero_point * x.sum(dim=1, keepdim=True), x_zero_point * w.sum(dim=1), dim


def _scaled(total: Tensor, x_scale: Tensor, w_scale: Tensor) -> Tensor:
    return total.double().to(x_scale.dtype) * x_scale * w_scale


@asked.misconception(
    "the term K·z_x·z_w is missing",
    says="Your product is off by the same number everywhere: s_x·s_w·K·z_x·z_w.",
    asks="What is left when you multiply out the two zero points with each other?",
)
def constant_missing(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    codes, of_x, of_w, _ = _terms(x_codes, w_codes, x_zero_point, w_zero_point)
    return _scaled(codes - of_x - of_w, x_scale, w_scale)


@asked.misconception(
    "the constant is counted once instead of K times",
    says="You add z_x·z_w, but it stands under the sum over k.",
    asks="How many products are summed for one entry?",
)
def constant_once(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    codes, of_x, of_w, _ = _terms(x_codes, w_codes, x_zero_point, w_zero_point)
    return _scaled(codes - of_x - of_w + x_zero_point * w_zero_point, x_scale, w_scale)


@asked.misconception(
    "the zero points are ignored",
    says="You multiply the codes and scale the result: right for z = 0 only.",
    asks="Which value does a code of 0 stand for?",
)
def no_zero_points(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    return _scaled(_terms(x_codes, w_codes, 0, 0)[0], x_scale, w_scale)


@asked.misconception(
    "the two corrections have changed places",
    says="You multiply the sums of x by z_x and those of w by z_w.",
    asks="In (q_x − z_x)(q_w − z_w), which zero point stands beside q_x?",
)
def corrections_swapped(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    codes, of_x, of_w, constant = _terms(x_codes, w_codes, w_zero_point, x_zero_point)
    return _scaled(codes - of_x - of_w + constant, x_scale, w_scale)


@asked.misconception(
    "the corrections are added",
    says="Your two middle terms have the wrong sign.",
    asks="What is the sign of z_w·q_x in (q_x − z_x)(q_w − z_w)?",
)
def corrections_added(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    return _scaled(sum(_terms(x_codes, w_codes, x_zero_point, w_zero_point)), x_scale, w_scale)  # type: ignore[arg-type]


@asked.misconception(
    "only the input's zero point is taken out",
    says="Your product is right if the weights are symmetric, and only then.",
    asks="What does z_w do to a sum of inputs?",
)
def w_zero_point_ignored(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    codes, _, of_w, _ = _terms(x_codes, w_codes, x_zero_point, 0)
    return _scaled(codes - of_w, x_scale, w_scale)


@asked.misconception(
    "the product overflows in int8",
    says="You multiply in int8: a sum of products of codes does not fit, and wraps round at every step.",
    asks="How large is 127·127, and what is the largest int8?",
)
def int8_accumulation(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    _, of_x, of_w, constant = _terms(x_codes, w_codes, x_zero_point, w_zero_point)
    return _scaled((x_codes @ w_codes.T).int() - of_x - of_w + constant, x_scale, w_scale)


@asked.misconception(
    "the zero points are subtracted in int8",
    says="q − z may need 9 bits: before any product is taken, the difference has wrapped round.",
    asks="What is 127 − (−90) in int8?",
)
def int8_differences(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    product = (x_codes - x_zero_point).int() @ (w_codes - w_zero_point).int().T
    return _scaled(product, x_scale, w_scale)


@asked.misconception(
    "everything in int8",
    says="Both the differences and the sums of products are taken in int8, and wrap round.",
    asks="How many bits does q − z take, and how many a sum of K products?",
)
def all_in_int8(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    return _scaled((x_codes - x_zero_point) @ (w_codes - w_zero_point).T, x_scale, w_scale)


@asked.misconception(
    "without the scales",
    says="Your integers are right, but they are not yet values.",
    asks="What is one unit of q_x − z_x worth, times one of q_w − z_w?",
)
def no_scales(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    codes, of_x, of_w, constant = _terms(x_codes, w_codes, x_zero_point, w_zero_point)
    return (codes - of_x - of_w + constant).to(x_scale.dtype)


@asked.also_correct("differences first, in wider integers")
def differences_first(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    x, w = x_codes.to(torch.int64) - x_zero_point, w_codes.to(torch.int64) - w_zero_point
    return torch.einsum("mk,nk->mn", x, w) * (x_scale * w_scale)


@asked.also_correct("four terms, one after another")
def four_terms(
    x_codes: Tensor, w_codes: Tensor, x_scale: Tensor, x_zero_point: int, w_scale: Tensor, w_zero_point: int
) -> Tensor:
    x, w = x_codes.long(), w_codes.long()
    total = torch.matmul(x, w.t())
    total = total - w_zero_point * x.sum(1)[:, None]
    total = total - x_zero_point * w.sum(1)[None, :]
    total = total + x.size(1) * x_zero_point * w_zero_point
    return w_scale * (x_scale * total)
