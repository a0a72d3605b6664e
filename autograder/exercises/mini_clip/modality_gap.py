"""How far images and texts of a joint space lie from each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import normalize

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _clouds(batch: int, dim: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        def cloud() -> np.ndarray:
            rows = rng.normal(size=dim) + 0.7 * rng.normal(size=(batch, dim))
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

        return {"image_features": cloud(), "text_features": cloud()}

    return case(f"{batch} pairs of width {dim}", make)


asked = Exercise(
    "mini_clip.modality_gap",
    title="The modality gap",
    minutes=6,
    skills=["geometry", "normalisation"],
    reference=contrastive.modality_gap,
    outputs=["gap"],
    groups={"value": 2},
    cases=[_clouds(3, 2), _clouds(5, 3), _clouds(4, 4)],
    hints=[
        "Where is the middle of the images, and where the middle of the texts, on the sphere of unit vectors?",
        "The mean over the rows (dim=0) of each side, [D] and [D]; then the length of their difference.",
        "difference = image_features.mean(dim=0) minus the same of the texts; return its norm().",
    ],
    follow_up="Two samples of one cloud have a gap that is not 0. How does it shrink with the number of rows?",
)


@asked.misconception(
    "the mean of all distances instead of the distance of the means",
    says="Your number is the average distance of an image and a text, which is large even where no gap is.",
    asks="What would you get for two samples of one and the same cloud?",
)
def all_distances(image_features: Tensor, text_features: Tensor) -> Tensor:
    return torch.cdist(image_features, text_features).mean()


@asked.misconception(
    "the mean distance of pairs",
    says="You measure how far each image is from its own text: alignment, not the gap.",
    asks="Can the two clouds lie on top of each other though no pair coincides?",
)
def pair_distances(image_features: Tensor, text_features: Tensor) -> Tensor:
    return (image_features - text_features).norm(dim=1).mean()


@asked.misconception(
    "the square of the gap",
    says="You return the sum of squares, without the root.",
    asks="Is Σ d² a distance?",
)
def squared(right: Any, image_features: Tensor, text_features: Tensor) -> Tensor:
    return right(image_features, text_features) ** 2


@asked.misconception(
    "the means are normalised too",
    says="You compare the directions of the two means; how far inside the sphere they lie is lost.",
    asks="Does the definition divide the means by their lengths?",
)
def unit_means(image_features: Tensor, text_features: Tensor) -> Tensor:
    means = [x.mean(dim=0, keepdim=True) for x in (image_features, text_features)]
    return (normalize(means[0]) - normalize(means[1])).norm()


@asked.misconception(
    "the mean of each row",
    says="You average the numbers of each embedding, not the embeddings.",
    asks="Over which axis does i run in (1/N) Σ_i?",
)
def mean_of_rows(image_features: Tensor, text_features: Tensor) -> Tensor:
    return (image_features.mean(dim=1) - text_features.mean(dim=1)).norm()


@asked.misconception(
    "one minus the cosine of the means",
    says="Your number is a cosine distance between the means, not the length of their difference.",
    asks="What does ‖a − b‖ measure that the angle between a and b does not?",
)
def cosine_distance(image_features: Tensor, text_features: Tensor) -> Tensor:
    means = [x.mean(dim=0) for x in (image_features, text_features)]
    return 1 - torch.cosine_similarity(means[0], means[1], dim=0)


@asked.misconception(
    "normalised over the batch first",
    says="The features came as unit rows; you have made their columns unit instead.",
    asks="Along which axis do the numbers of one embedding lie?",
)
def batch_axis(image_features: Tensor, text_features: Tensor) -> Tensor:
    return (normalize(image_features, dim=0).mean(dim=0) - normalize(text_features, dim=0).mean(dim=0)).norm()


@asked.also_correct("root of the sum of squares")
def with_root(image_features: Tensor, text_features: Tensor) -> Tensor:
    centres = [x.sum(0) / len(x) for x in (image_features, text_features)]
    return ((centres[0] - centres[1]) ** 2).sum().sqrt()


@asked.also_correct("mean of the differences of pairs, a plain number")
def of_differences(image_features: Tensor, text_features: Tensor) -> float:
    # The mean is linear: pairing makes no difference to it.
    return torch.linalg.vector_norm((image_features - text_features).mean(0)).item()
