"""How far images and texts of a joint space lie from each other."""

from __future__ import annotations

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import normalize

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _clouds(images: int, texts: int, dim: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        def cloud(rows: int) -> Any:
            return rng.uniform(0.5, 3, size=(rows, 1)) * (
                rng.normal(size=dim) + 0.7 * rng.normal(size=(rows, dim))
            )

        return {"image_embeddings": cloud(images), "text_embeddings": cloud(texts)}

    return case(f"{images} images and {texts} texts of width {dim}", make)


asked = Exercise(
    "mini_clip.modality_gap",
    title="The modality gap",
    minutes=6,
    skills=["geometry", "normalisation"],
    reference=contrastive.modality_gap,
    outputs=["gap"],
    groups={"value": 2},
    cases=[_clouds(3, 3, 2), _clouds(5, 4, 3), _clouds(4, 4, 4)],
    hints=[
        "Where is the middle of the images, and where the middle of the texts, on the sphere of unit vectors?",
        "Rows to length 1, mean over the rows (dim=0) of each side, [D] and [D]; then the length of their difference.",
        "difference = contrastive.l2_normalize(images).mean(dim=0) minus the same of the texts; return its norm().",
    ],
    follow_up="Two samples of one cloud have a gap that is not 0. How does it shrink with the number of rows?",
)


@asked.misconception(
    "the embeddings are not normalised",
    says="You compare the means of the embeddings as they come, and long ones move them most.",
    asks="On which surface do the features lie that a cosine compares?",
)
def raw(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return (image_embeddings.mean(dim=0) - text_embeddings.mean(dim=0)).norm()


@asked.misconception(
    "the mean of all distances instead of the distance of the means",
    says="Your number is the average distance of an image and a text, which is large even where no gap is.",
    asks="What would you get for two samples of one and the same cloud?",
)
def all_distances(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return torch.cdist(normalize(image_embeddings), normalize(text_embeddings)).mean()


@asked.misconception(
    "the mean distance of pairs",
    says="You measure how far each image is from its own text: alignment, not the gap.",
    asks="Can the two clouds lie on top of each other though no pair coincides?",
)
def pair_distances(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return (normalize(image_embeddings) - normalize(text_embeddings)).norm(dim=1).mean()


@asked.misconception(
    "the square of the gap",
    says="You return the sum of squares, without the root.",
    asks="Is Σ d² a distance?",
)
def squared(right: Any, image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return right(image_embeddings, text_embeddings) ** 2


@asked.misconception(
    "the means are normalised too",
    says="You compare the directions of the two means; how far inside the sphere they lie is lost.",
    asks="Does the definition divide the means by their lengths?",
)
def unit_means(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    means = [normalize(x).mean(dim=0, keepdim=True) for x in (image_embeddings, text_embeddings)]
    return (normalize(means[0]) - normalize(means[1])).norm()


@asked.misconception(
    "only the means are normalised",
    says="You average embeddings of all lengths first and normalise the two means afterwards.",
    asks="What is normalised first in the definition, the rows or their mean?",
)
def means_only(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    means = [normalize(x.mean(dim=0, keepdim=True)) for x in (image_embeddings, text_embeddings)]
    return (means[0] - means[1]).norm()


@asked.misconception(
    "the mean of each row",
    says="You average the numbers of each embedding, not the embeddings.",
    asks="Over which axis does i run in (1/N) Σ_i?",
)
def mean_of_rows(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return (normalize(image_embeddings).mean(dim=1) - normalize(text_embeddings).mean(dim=1)).norm()


@asked.misconception(
    "one minus the cosine of the means",
    says="Your number is a cosine distance between the means, not the length of their difference.",
    asks="What does ‖a − b‖ measure that the angle between a and b does not?",
)
def cosine_distance(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    means = [normalize(x).mean(dim=0) for x in (image_embeddings, text_embeddings)]
    return 1 - torch.cosine_similarity(means[0], means[1], dim=0)


@asked.misconception(
    "normalised over the batch",
    says="The columns of both matrices have length 1, not the rows.",
    asks="Along which axis do the numbers of one embedding lie?",
)
def batch_axis(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return (
        normalize(image_embeddings, dim=0).mean(dim=0) - normalize(text_embeddings, dim=0).mean(dim=0)
    ).norm()


@asked.also_correct("root of the sum of squares")
def with_root(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    units = [x / x.pow(2).sum(1, keepdim=True).sqrt() for x in (image_embeddings, text_embeddings)]
    centres = [x.sum(0) / len(x) for x in units]
    return ((centres[0] - centres[1]) ** 2).sum().sqrt()


@asked.also_correct("distance of two points, a plain number")
def with_cdist(image_embeddings: Tensor, text_embeddings: Tensor) -> float:
    images, texts = (
        contrastive.l2_normalize(x).mean(0, keepdim=True) for x in (image_embeddings, text_embeddings)
    )
    return torch.dist(images, texts, p=2).item()
