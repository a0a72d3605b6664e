"""A label for every pair of the batch."""

import torch
from torch import Tensor

from autograder.exercise import Exercise, case
from course_lib import contrastive

asked = Exercise(
    "siglip.pair_labels",
    title="A label for every pair",
    minutes=4,
    skills=["labels", "broadcasting"],
    reference=contrastive.pair_labels,
    outputs=["labels"],
    groups={"value": 1},
    exact=True,
    cases=[
        case("2 pairs", lambda rng: {"batch": 2}),
        case("3 pairs", lambda rng: {"batch": 3}),
        case("5 pairs", lambda rng: {"batch": 5}),
    ],
    hints=[
        "How many of the N² combinations are pairs, and where do they stand in the matrix?",
        "A matrix [N, N] of −1 everywhere, with +1 on the diagonal. torch.eye gives you the diagonal as 1 among 0.",
        "From 0 and 1 to −1 and +1: multiply torch.eye(batch) by something and subtract something.",
    ],
    follow_up="Which share of the labels is +1 for N = 32,768, and what does a model learn that always answers no?",
)


@asked.misconception(
    "0 and 1 instead of −1 and +1",
    says="Your negatives have the label 0: the labels of a cross-entropy, but this loss multiplies by them.",
    asks="What is log σ(0 · ℓ), and which logit ℓ could still change it?",
)
def zeros_and_ones(batch: int) -> Tensor:
    return torch.eye(batch)


@asked.misconception(
    "every pair is positive",
    says="All your labels are +1, so every image is to match every text.",
    asks="Which of the N² combinations did somebody find together on the web?",
)
def all_positive(batch: int) -> Tensor:
    return torch.ones(batch, batch)


@asked.misconception(
    "every pair is negative",
    says="All your labels are −1, the pairs on the diagonal too.",
    asks="What does the loss ask of image i and text i?",
)
def all_negative(batch: int) -> Tensor:
    return -torch.ones(batch, batch)


@asked.misconception(
    "the signs are exchanged",
    says="Your pairs have −1 and everything else +1.",
    asks="Which logits should grow: those with z = +1 or those with z = −1?",
)
def exchanged(batch: int) -> Tensor:
    return 1 - 2 * torch.eye(batch)


@asked.misconception(
    "0 for the pairs",
    says="Your negatives have −1, but your pairs have 0, so each of them costs log 2 whatever its logit.",
    asks="Which number turns 0 into −1 and 1 into +1 at once: is subtracting 1 enough?",
)
def pairs_silenced(batch: int) -> Tensor:
    return torch.eye(batch) - 1


@asked.misconception(
    "the opposite of the identity",
    says="Your pairs have 0 and everything else 1.",
    asks="Which of the N² combinations should have the label +1, and which −1?",
)
def opposite(batch: int) -> Tensor:
    return 1 - torch.eye(batch)


@asked.misconception(
    "the other diagonal",
    says="Your +1 run from the top right to the bottom left.",
    asks="In which column stands the text of image 0?",
)
def other_diagonal(batch: int) -> Tensor:
    return 2 * torch.eye(batch).flip(1) - 1


@asked.misconception(
    "the column numbers of a softmax",
    says="You return 0, 1, 2, …: the class labels of lesson 01's cross-entropy, one for each image.",
    asks="How many questions does this loss ask about N images and N texts?",
)
def class_labels(batch: int) -> Tensor:
    return torch.arange(batch)


@asked.also_correct("filled with −1, then the diagonal")
def filled(batch: int) -> Tensor:
    labels = torch.full((batch, batch), -1.0)
    labels.fill_diagonal_(1.0)
    return labels


@asked.also_correct("where row and column agree")
def where_equal(batch: int) -> Tensor:
    place = torch.arange(batch)
    return torch.where(place[:, None] == place, 1, -1)
