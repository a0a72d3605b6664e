"""The first exercise: the cosine of the angle between two vectors."""

import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """cos(a, b) = a·b / (‖a‖ ‖b‖), for two vectors of one width."""
    return contrastive.cosine_similarity(a[None], b[None])[0, 0]


def _vectors(dim: int) -> CaseSpec:
    return case(
        f"two vectors of width {dim}",
        lambda rng: {"a": 3 * rng.normal(size=dim), "b": 0.5 * rng.normal(size=dim)},
    )


asked = Exercise(
    "start_here.cosine",
    title="Your first check",
    minutes=4,
    skills=["cosine"],
    reference=cosine,
    outputs=["cosine"],
    groups={"value": 1},
    cases=[_vectors(2), _vectors(3), _vectors(8)],
    write_yourself=["course_lib.contrastive.similarity:cosine_similarity", "cosine_similarity"],
    intermediates={"dot product": lambda a, b: a @ b},
    hints=[
        "A dot product grows with the length of both vectors. What would make it depend on the angle alone?",
        "Divide the dot product, one number, by the product of two norms, also one number.",
        "(a @ b) / (a.norm() * ...): the dots are the other vector's norm.",
    ],
    follow_up="What is the cosine of a vector and its double? Of a vector and its negative?",
)


@asked.misconception(
    "not normalised",
    says="Your number is the dot product: it grows with the length of the vectors.",
    asks="By what must a·b be divided, so that only the angle is left?",
)
def dot_product(a: Tensor, b: Tensor) -> Tensor:
    return a @ b


@asked.misconception(
    "only one vector is normalised",
    says="Your number still grows with the length of b.",
    asks="How many norms stand in the denominator?",
)
def one_norm(a: Tensor, b: Tensor) -> Tensor:
    return a @ b / a.norm()


@asked.misconception(
    "divided by the squared lengths",
    says="You divide by ‖a‖²‖b‖², one factor too many of each.",
    asks="Is Σ a² the length of a, or its square?",
)
def squared_norms(a: Tensor, b: Tensor) -> Tensor:
    return a @ b / ((a @ a) * (b @ b))


@asked.misconception(
    "the sign is lost",
    says="Your number is the magnitude of the cosine.",
    asks="What is the cosine of two vectors that point in opposite directions?",
)
def magnitude(a: Tensor, b: Tensor) -> Tensor:
    return cosine(a, b).abs()


@asked.misconception(
    "a distance instead of a similarity",
    says="Your number is 1 − cos: large where the vectors are unlike.",
    asks="What should a vector's similarity with itself be?",
)
def distance(a: Tensor, b: Tensor) -> Tensor:
    return 1 - cosine(a, b)


@asked.also_correct("normalise first, then multiply")
def normalise_first(a: Tensor, b: Tensor) -> Tensor:
    return (a / a.norm()) @ (b / b.norm())


@asked.also_correct("sums and square roots")
def by_sums(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum() / ((a**2).sum() * (b**2).sum()) ** 0.5


@asked.also_correct("a Python loop")
def by_loop(a: Tensor, b: Tensor) -> Tensor:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return torch.as_tensor(dot / (sum(x * x for x in a).sqrt() * sum(y * y for y in b).sqrt()))
