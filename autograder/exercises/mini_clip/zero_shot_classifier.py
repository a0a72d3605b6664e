"""A classifier made of sentences."""

from __future__ import annotations

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import normalize

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _prompts(classes: int, prompts: int, dim: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        centres = rng.normal(size=(classes, 1, dim))
        lengths = rng.uniform(0.3, 3.0, size=(classes, prompts, 1))
        return {"prompt_embeddings": lengths * (centres + rng.normal(size=(classes, prompts, dim)))}

    return case(f"{classes} classes with {prompts} prompts of width {dim}", make)


asked = Exercise(
    "mini_clip.zero_shot_classifier",
    title="A classifier made of sentences",
    minutes=10,
    skills=["zero-shot", "prompt ensembles", "normalisation"],
    reference=contrastive.zero_shot_classifier,
    outputs=["classifier"],
    groups={"value": 2},
    cases=[_prompts(2, 3, 2), _prompts(3, 2, 4), _prompts(3, 3, 3)],
    hints=[
        "Every prompt has one vote for the direction of its class, and in the end each class has one direction.",
        "Give every prompt length 1 (over the last axis), average over the axis of prompts, [C, P, D] → [C, D]; which "
        "length do the means have?",
        "units = each prompt divided by its norm (dim=2, keepdim); then contrastive.l2_normalize of their mean over "
        "dim=1.",
    ],
    follow_up="What would averaging the logits over prompts do to a class whose prompts disagree?",
)


@asked.misconception(
    "the mean is not normalised again",
    says="Your rows are shorter than 1, by as much as a class's prompts disagree. Averaging logits does the same.",
    asks="How long is the mean of two unit vectors at a right angle?",
)
def no_outer(prompt_embeddings: Tensor) -> Tensor:
    return normalize(prompt_embeddings, dim=2).mean(dim=1)


@asked.misconception(
    "prompts of different lengths are averaged",
    says="You average the embeddings as they come, so a prompt with a long embedding outweighs the others.",
    asks="How much should each prompt count?",
)
def no_inner(prompt_embeddings: Tensor) -> Tensor:
    return normalize(prompt_embeddings.mean(dim=1), dim=1)


@asked.misconception(
    "nothing is normalised",
    says="You return the plain mean of the embeddings.",
    asks="If image features meet your rows, are the products cosines?",
)
def plain_mean(prompt_embeddings: Tensor) -> Tensor:
    return prompt_embeddings.mean(dim=1)


@asked.misconception(
    "only the first prompt is used",
    says="Your classifier knows one prompt of each class.",
    asks="What happens to the prompts 1, 2, … of your input?",
)
def first_prompt(prompt_embeddings: Tensor) -> Tensor:
    return normalize(prompt_embeddings[:, 0], dim=1)


@asked.misconception(
    "averaged over the classes",
    says="You have one row for each prompt: the average over all classes of what it says.",
    asks="Which axis do you want to disappear?",
)
def over_classes(prompt_embeddings: Tensor) -> Tensor:
    return normalize(normalize(prompt_embeddings, dim=2).mean(dim=0), dim=1)


@asked.misconception(
    "one column for each class",
    says="Your result is transposed: open_clip keeps it that way, but here a row is a class.",
    asks="Which shape does the docstring promise?",
)
def transposed(prompt_embeddings: Tensor) -> Tensor:
    return contrastive.zero_shot_classifier(prompt_embeddings).T


@asked.misconception(
    "prompts of different classes are mixed",
    says="Your reshape reads the classes' prompts in another order, so a row averages prompts of several classes.",
    asks="If all prompts stand in one long list, which of them belong to class 0?",
)
def mixed(prompt_embeddings: Tensor) -> Tensor:
    classes, prompts, dim = prompt_embeddings.shape
    units = normalize(prompt_embeddings, dim=2)
    return normalize(units.reshape(prompts, classes, dim).mean(dim=0), dim=1)


@asked.misconception(
    "the largest entry over the prompts",
    says="You take the maximum over the prompts, number by number, where a mean is asked for.",
    asks="How much should each prompt count, if all have one vote?",
)
def largest(prompt_embeddings: Tensor) -> Tensor:
    return normalize(normalize(prompt_embeddings, dim=2).amax(dim=1), dim=1)


@asked.misconception(
    "normalised over the prompts",
    says="Your first normalisation runs along the axis of prompts, not along the numbers of an embedding.",
    asks="Along which of the three axes do the numbers of one embedding lie?",
)
def wrong_axis(prompt_embeddings: Tensor) -> Tensor:
    return normalize(normalize(prompt_embeddings, dim=1).mean(dim=1), dim=1)


@asked.misconception(
    "the classifier is normalised over the classes",
    says="The columns of your classifier have length 1, not its rows.",
    asks="Which rows meet the image features?",
)
def outer_axis(prompt_embeddings: Tensor) -> Tensor:
    return normalize(normalize(prompt_embeddings, dim=2).mean(dim=1), dim=0)


@asked.also_correct("sum of unit vectors, normalised")
def by_sum(prompt_embeddings: Tensor) -> Tensor:
    total = (prompt_embeddings / prompt_embeddings.norm(dim=-1, keepdim=True)).sum(dim=1)
    return total / total.norm(dim=-1, keepdim=True)


@asked.also_correct("class by class")
def by_class(prompt_embeddings: Tensor) -> Tensor:
    rows = []
    for prompts in prompt_embeddings:
        mean = contrastive.l2_normalize(prompts).mean(dim=0, keepdim=True)
        rows.append(contrastive.l2_normalize(mean)[0])
    return torch.stack(rows)
