"""What counts as unseen: domain shift against zero-shot."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _drawings(extra: int) -> CaseSpec:
    """Two known vendors, 0 and 1, and an unknown one; every kind of novelty occurs, in random order."""

    def make(rng: Generator) -> dict[str, Any]:
        concept = 2 * rng.permutation(40)
        known = [(concept[n], 0) for n in range(4 + extra)] + [(concept[0], 1), (concept[20], 1)]
        known += [(concept[1] + 1, 0)]  # concept + domain, added up, is that of concept[1] by vendor 1
        asked_for = [
            (concept[1], 0),  # this very drawing
            (concept[0], 1),
            (concept[1], 1),  # a known concept by a known vendor, yet never this drawing
            (concept[20], 0),
            (concept[2], 2),  # a known concept by an unknown vendor
            (concept[30], 0),
            (concept[31], 1),
            (concept[32], 2),
            *((concept[33 + n], n % 3) for n in range(extra)),
        ]
        train, test = (
            np.array([pairs[n] for n in rng.permutation(len(pairs))]) for pairs in (known, asked_for)
        )
        return {
            "train_concepts": train[:, 0],
            "train_domains": train[:, 1],
            "test_concepts": test[:, 0],
            "test_domains": test[:, 1],
        }

    return case(f"{7 + extra} drawings trained on and {8 + extra} to judge", make)


asked = Exercise(
    "mini_clip.novelty",
    title="What counts as unseen",
    minutes=8,
    skills=["evaluation", "leakage", "zero-shot"],
    reference=contrastive.novelty,
    outputs=["novelty"],
    groups={"value": 2},
    exact=True,
    cases=[_drawings(0), _drawings(3)],
    hints=[
        "Three yes-or-no questions about each test picture: was its concept trained on? its domain? the two together, in one "
        "drawing?",
        "A comparison of [T, 1] with [1, R] gives a table of all test with all training pictures; .any(dim=1) answers for each "
        "test picture. Two such tables with & between them answer the third question.",
        "same_concept = test_concepts[:, None] == train_concepts, same_domain likewise; seen = (same_concept & "
        "same_domain).any(1); then torch.where from the last code to the first.",
    ],
    follow_up="A pool of both vendors' drawings is split at random by rows. Which of the four does its test set measure?",
)


def _codes(drawing: Tensor, concept: Tensor, domain: Tensor) -> Tensor:
    return torch.where(drawing, 0, torch.where(concept, 1, torch.where(domain, 2, 3)))


@asked.misconception(
    "concept and domain are looked up separately",
    says="You call a picture seen if its concept and its vendor both occur, even if never in one drawing.",
    asks="Trained on A by Noto and B by Twemoji: was A by Twemoji ever shown?",
)
def separately(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    concept, domain = torch.isin(test_concepts, train_concepts), torch.isin(test_domains, train_domains)
    return _codes(concept & domain, concept, domain)


@asked.misconception(
    "another vendor's drawing counts as zero-shot",
    says="You call every drawing that was not trained on zero-shot. If its concept was trained on, only its style is new.",
    asks="The model has learned the words for this emoji from another drawing. What is it that it never saw?",
)
def shift_as_zero_shot(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    codes = contrastive.novelty(train_concepts, train_domains, test_concepts, test_domains)
    return codes.masked_fill(codes == 1, 2)


@asked.misconception(
    "the domain is ignored",
    says="Your function knows two answers: concept trained on (0), or not (2).",
    asks="Which of your lines reads the domains?",
)
def domain_ignored(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    return torch.where(torch.isin(test_concepts, train_concepts), 0, 2)


@asked.misconception(
    "an unknown domain makes everything new",
    says="You answer 3 whenever the vendor is unknown, also where the concept was trained on.",
    asks="What is new about a known emoji by a third vendor: the thing, or the drawing?",
)
def domain_first(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    codes = contrastive.novelty(train_concepts, train_domains, test_concepts, test_domains)
    return codes.masked_fill(~torch.isin(test_domains, train_domains), 3)


@asked.misconception(
    "1 and 2 are exchanged",
    says="You say domain shift where the concept is new, and zero-shot where the drawing is.",
    asks="Which of the two words speaks of the concept?",
)
def exchanged(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    codes = contrastive.novelty(train_concepts, train_domains, test_concepts, test_domains)
    return torch.tensor([0, 2, 1, 3])[codes]


@asked.misconception(
    "the training pictures are judged",
    says="You have an answer for each training picture: the question was put the wrong way round.",
    asks="Of which pictures do we want to know what is new?",
)
def wrong_way_round(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    return contrastive.novelty(test_concepts, test_domains, train_concepts, train_domains)


@asked.also_correct("with isin and pairs made into one number")
def with_isin(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    width = int(torch.cat([train_domains, test_domains]).max()) + 1
    drawing = torch.isin(test_concepts * width + test_domains, train_concepts * width + train_domains)
    codes = torch.where(torch.isin(test_domains, train_domains), 2, 3)
    codes[torch.isin(test_concepts, train_concepts)] = 1
    codes[drawing] = 0
    return codes


@asked.also_correct("with sets in a loop")
def with_sets(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    concepts, domains = train_concepts.tolist(), train_domains.tolist()
    drawings, found = set(zip(concepts, domains, strict=True)), []
    for concept, domain in zip(test_concepts.tolist(), test_domains.tolist(), strict=True):
        if (concept, domain) in drawings:
            found.append(0)
        elif concept in concepts:
            found.append(1)
        else:
            found.append(2 if domain in domains else 3)
    return torch.tensor(found)
