"""Spot the bugs: a training script that runs without a complaint."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive
from course_lib.experiments.mini_clip.bugs import train_with_three_bugs

Result = tuple[Tensor, Tensor, Tensor]


def _run(steps: int, batch: int) -> CaseSpec:
    return case(
        f"{steps} batches of {batch} pairs",
        lambda rng: {
            "image_weight": rng.normal(size=(4, 3)),
            "text_weight": rng.normal(size=(3, 3)),
            "log_scale": rng.uniform(1.0, 2.0, size=()),
            "image_batches": rng.normal(size=(steps, batch, 4)),
            "text_batches": rng.normal(size=(steps, batch, 3)),
            "learning_rate": 0.25,
            "weight_decay": 0.2,
            "max_scale": 100.0,
        },
    )


def _hot(rng: Generator) -> dict[str, Any]:
    """Pairs that match exactly, and a limit of 1, whose logarithm is 0 in every precision."""
    states = rng.normal(size=(2, 4, 3))
    return {
        "image_weight": np.eye(3),
        "text_weight": np.eye(3),
        "log_scale": np.array(math.log(0.95)),
        "image_batches": states,
        "text_batches": states.copy(),
        "learning_rate": 5.0,
        "weight_decay": 0.0,
        "max_scale": 1.0,
    }


def train_towers(
    image_weight: Tensor,
    text_weight: Tensor,
    log_scale: Tensor,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    max_scale: float,
) -> Result:
    """Two linear towers and a scale after one pass over the batches, weight decay on the towers only."""
    start = (image_weight, text_weight, log_scale)
    return _train(start, image_batches, text_batches, learning_rate, weight_decay, math.log(max_scale))


def _train(
    start: Result,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    limit: float,
    *,
    decay_scale: bool = False,
    clear: bool = True,
) -> Result:
    towers_and_scale = [parameter.clone().requires_grad_() for parameter in start]
    *towers, log_scale = towers_and_scale
    groups = [
        {"params": towers, "weight_decay": weight_decay},
        {"params": [log_scale], "weight_decay": weight_decay if decay_scale else 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=learning_rate)
    for images, texts in zip(image_batches, text_batches, strict=True):
        features = contrastive.encode_pair(images, texts, *towers_and_scale)
        loss = contrastive.clip_loss(features.image_features, features.text_features, log_scale.exp())
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            log_scale.clamp_(max=limit)
    return towers[0].detach(), towers[1].detach(), log_scale.detach()


asked = Exercise(
    "mini_clip.train_towers",
    title="Spot the bugs",
    minutes=12,
    skills=["code review", "training loop", "temperature"],
    reference=train_towers,
    outputs=["image weight", "text weight", "log scale"],
    groups={"value": 2, "limit": 1},
    cases=[
        _run(1, 3),
        _run(3, 4),
        case("max_scale = 1 and a scale of 0.95 that wants to grow", _hot, group="limit"),
    ],
    stretch=True,
    hints=[
        "There are three. For each line that mentions the optimizer or log_scale, ask what it does in the second step, and "
        "what it does to the scale.",
        "One is about what is left from the step before, one about which parameters may decay, one about the space in "
        "which the limit is meant.",
        "optimizer.zero_grad() before backward; weight_decay=0 for log_scale in a parameter group of its own; "
        "clamp_(max=math.log(max_scale)).",
    ],
    follow_up="For each of the three: which number in a training log would have given it away?",
)


def _mistake(
    name: str, title: str, says: str, asks: str, source: str = "", wrong_space: bool = False, **bugs: bool
) -> None:
    def wrong(
        image_weight: Tensor,
        text_weight: Tensor,
        log_scale: Tensor,
        image_batches: Tensor,
        text_batches: Tensor,
        learning_rate: float,
        weight_decay: float,
        max_scale: float,
    ) -> Result:
        start = (image_weight, text_weight, log_scale)
        limit = max_scale if wrong_space else math.log(max_scale)
        return _train(start, image_batches, text_batches, learning_rate, weight_decay, limit, **bugs)

    wrong.__name__ = name
    asked.misconception(title, says=says, asks=asks, source=source)(wrong)


_mistake(
    "not_cleared",
    "the gradients still add up",
    "Two of the bugs are gone; from the second batch on, old gradients are still added to the new.",
    "What does backward() do with a .grad that is already there?",
    clear=False,
)
_mistake(
    "scale_decays",
    "the scale still decays",
    "Two of the bugs are gone; weight decay still pulls log_scale to 0, and so τ to 1.",
    "Which of the three parameters should a decay make smaller?",
    decay_scale=True,
)
_mistake(
    "wrong_space",
    "the limit still stands in the wrong space",
    "Two of the bugs are gone; the logarithm may still grow to max_scale, and the scale to exp(max_scale).",
    "Is clamp_ applied to the scale or to its logarithm?",
    source="openai/CLIP#46",
    wrong_space=True,
)
_mistake(
    "only_cleared",
    "the gradients are cleared, two bugs remain",
    "Each step has gradients of its own now; decay and limit of the scale are as printed.",
    "What do weight_decay and clamp_ do to the parameter log_scale?",
    decay_scale=True,
    wrong_space=True,
)
_mistake(
    "only_decay",
    "the decay is right, two bugs remain",
    "The scale no longer decays; gradients add up and the limit is as printed.",
    "What is in .grad when the second batch comes, and what is it that clamp_ limits?",
    clear=False,
    wrong_space=True,
)
_mistake(
    "only_limit",
    "the limit is right, two bugs remain",
    "The scale stays below 100; gradients add up and the scale decays as printed.",
    "What is in .grad when the second batch comes, and to which parameters does weight_decay apply?",
    clear=False,
    decay_scale=True,
)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="Which call clears the gradients of the batch before?",
)
def as_printed(
    image_weight: Tensor,
    text_weight: Tensor,
    log_scale: Tensor,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    max_scale: float,
) -> Result:
    start = (image_weight, text_weight, log_scale)
    return train_with_three_bugs(*start, image_batches, text_batches, learning_rate, weight_decay, max_scale)


@asked.misconception(
    "nothing decays any more",
    says="The scale is right, but the towers should decay as before.",
    asks="Which of the parameters is the decay meant for?",
)
def no_decay(
    image_weight: Tensor,
    text_weight: Tensor,
    log_scale: Tensor,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    max_scale: float,
) -> Result:
    start = (image_weight, text_weight, log_scale)
    return _train(start, image_batches, text_batches, learning_rate, 0.0, math.log(max_scale))


@asked.also_correct("by hand, with autograd.grad")
def by_hand(
    image_weight: Tensor,
    text_weight: Tensor,
    log_scale: Tensor,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    max_scale: float,
) -> Result:
    now = [image_weight, text_weight, log_scale]
    for images, texts in zip(image_batches, text_batches, strict=True):
        now = [parameter.detach().requires_grad_() for parameter in now]
        one, other, _ = contrastive.encode_pair(images, texts, *now)
        slopes = torch.autograd.grad(contrastive.clip_loss(one, other, now[2].exp()), now)
        decays = (weight_decay, weight_decay, 0.0)
        now = [p - learning_rate * (g + d * p) for p, g, d in zip(now, slopes, decays, strict=True)]
        now[2] = now[2].clamp(max=math.log(max_scale))
    return now[0].detach(), now[1].detach(), now[2].detach()


@asked.also_correct("two optimizers, cleared at the end")
def two_optimizers(
    image_weight: Tensor,
    text_weight: Tensor,
    log_scale: Tensor,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    max_scale: float,
) -> Result:
    towers = torch.nn.Parameter(image_weight.clone()), torch.nn.Parameter(text_weight.clone())
    scale = torch.nn.Parameter(log_scale.clone())
    optimizers = [
        torch.optim.SGD(towers, lr=learning_rate, weight_decay=weight_decay),
        torch.optim.SGD([scale], lr=learning_rate),
    ]
    for index in range(len(image_batches)):
        logits = contrastive.encode_pair(image_batches[index], text_batches[index], *towers, scale).logits
        loss = (logits.logsumexp(0) + logits.logsumexp(1)).mean() / 2 - logits.diagonal().mean()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        scale.data.clamp_(max=torch.tensor(max_scale).log().item())
    return towers[0].data, towers[1].data, scale.data
