"""One step of training, as a class that keeps its parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import unit_rows
from autograder.observers import StateObserver
from course_lib import contrastive


def _script(steps: int, learning_rate: float, max_scale: float = 100.0) -> list[list[Any]]:
    names = ("image_weight", "text_weight", "log_scale")
    new = {name: f"${name}" for name in names} | {"learning_rate": learning_rate, "max_scale": max_scale}
    calls: list[list[Any]] = [
        ["call", "step", {"image_states": f"$images_{n}", "text_states": f"$texts_{n}"}] for n in range(steps)
    ]
    return [["new", new], *calls, *(["get", name] for name in names)]


def _batches(steps: int, batch: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        given: dict[str, Any] = {
            "image_weight": rng.normal(size=(4, 3)),
            "text_weight": rng.normal(size=(3, 3)),
            "log_scale": rng.uniform(1.0, 2.0, size=()),
        }
        for n in range(steps):
            given[f"images_{n}"] = rng.normal(size=(batch, 4))
            given[f"texts_{n}"] = rng.normal(size=(batch, 3))
        return {"script": _script(steps, 0.25), **given}

    name = f"{steps} step{'' if steps == 1 else 's'} on {batch} pairs"
    return case(name, make, group="one step" if steps == 1 else "several steps")


# The limit of these cases is 1, whose logarithm is 0 in every precision: log 100 in float32 is another number.


def _near_limit(rng: Generator) -> dict[str, Any]:
    """Pairs that match exactly: the loss asks for a larger scale."""
    first, second = unit_rows(rng, 4, 3), unit_rows(rng, 4, 3)
    return {
        "script": _script(2, 5.0, 1.0),
        "image_weight": np.eye(3),
        "text_weight": np.eye(3),
        "log_scale": np.array(math.log(0.95)),
        **{"images_0": first, "texts_0": first.copy(), "images_1": second, "texts_1": second.copy()},
    }


def _above_limit(rng: Generator) -> dict[str, Any]:
    """Each text beside its neighbour's image: confidently wrong, so that the loss asks for a smaller scale."""
    states = unit_rows(rng, 4, 3)
    return {
        "script": _script(1, 0.8, 1.0),
        "image_weight": np.eye(3),
        "text_weight": np.eye(3),
        "log_scale": np.array(math.log(1.2)),
        "images_0": states,
        "texts_0": np.roll(states, 1, axis=0),
    }


asked = Exercise(
    "mini_clip.Trainer",
    title="One step",
    minutes=20,
    skills=["training loop", "autograd", "temperature"],
    reference=contrastive.Trainer,
    observer=StateObserver(),
    groups={"one step": 2, "several steps": 1, "limit": 1},
    cases=[
        _batches(1, 3),
        _batches(3, 4),
        case("max_scale = 1 and a scale of 0.95 that wants to grow", _near_limit, group="limit"),
        case("max_scale = 1 and a scale of 1.2 that wants to shrink", _above_limit, group="limit"),
    ],
    hints=[
        "A step is: the loss of this batch, its gradients, a move against them, and the limit of the scale. In which "
        "order? And what does PyTorch do with the gradients of the step before?",
        "__init__ keeps three leaf tensors that require gradients, all three in torch.optim.SGD. step: features of both "
        "sides, clip_loss at exp(log_scale); clear, backward, step; last the clamp, under torch.no_grad().",
        "encode_pair gives features; then clip_loss; optimizer.zero_grad(), loss.backward(), optimizer.step(), and "
        "log_scale.clamp_(max=math.log(max_scale)) inside `with torch.no_grad():`.",
    ],
    follow_up="Why is the clamp outside the graph, and not in the forward pass?",
)


class _Steps(contrastive.Trainer):
    """A step in named parts, for mistakes to change one of them."""

    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        scale = self.log_scale.exp()
        images, texts, _ = contrastive.encode_pair(
            image_states, text_states, self.image_weight, self.text_weight, self.log_scale
        )
        return contrastive.clip_loss(images, texts, scale)

    def limit(self) -> None:
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(self.max_scale))

    def move(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def step(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        loss = self.loss(image_states, text_states)
        self.move(loss)
        self.limit()
        return loss.detach()


@asked.misconception(
    "the gradients are never cleared",
    says="Your first step is right; from the second on, the gradients of all steps so far are added up.",
    asks="What does backward() do with a .grad that is already there?",
)
class NotCleared(_Steps):
    def move(self, loss: Tensor) -> None:
        loss.backward()
        self.optimizer.step()


@asked.misconception(
    "the gradients are cleared before they are used",
    says="Nothing moves: zero_grad comes after backward, so the optimizer finds no gradients.",
    asks="In which order do backward, step and zero_grad have to come?",
)
class ClearedTooSoon(_Steps):
    def move(self, loss: Tensor) -> None:
        loss.backward()
        self.optimizer.zero_grad()
        self.optimizer.step()


@asked.misconception(
    "cleared, moved, and only then differentiated",
    says="The optimizer moves before backward has said where to.",
    asks="Which gradients does step() find?",
    same_as="ClearedTooSoon: either way step() finds none, ever",
)
class StepBeforeBackward(_Steps):
    def move(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        self.optimizer.step()
        loss.backward()


@asked.misconception(
    "each step uses the gradients of the step before",
    says="Your parameters lag one step behind: step() comes before backward().",
    asks="Of which batch are the gradients that step() finds?",
)
class Lagging(_Steps):
    def move(self, loss: Tensor) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()
        loss.backward()


@asked.misconception(
    "the scale is never clamped",
    says="All is right until the scale passes max_scale.",
    asks="How far may 1/τ grow?",
    source="openai/CLIP#46: why and where the scale is clipped",
)
class NotClamped(_Steps):
    def limit(self) -> None:
        pass


@asked.misconception(
    "the logarithm is clamped at max_scale",
    says="Your limit holds for log_scale, so the scale itself may grow to exp(max_scale): e¹⁰⁰ for CLIP.",
    asks="In which space is the parameter, and what is the limit in it?",
)
class ClampedInTheWrongSpace(_Steps):
    def limit(self) -> None:
        with torch.no_grad():
            self.log_scale.clamp_(max=self.max_scale)


@asked.misconception(
    "the clamp comes before the step",
    says="You clamp, and then the optimizer moves the scale past the limit.",
    asks="Which operation changes the scale last?",
)
class ClampedBefore(_Steps):
    def step(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        self.limit()
        loss = self.loss(image_states, text_states)
        self.move(loss)
        return loss.detach()


@asked.misconception(
    "clamped in the forward pass",
    says="Below the limit all is right; above it your clamp has gradient 0, so the scale cannot come back.",
    asks="What is the derivative of min(x, limit) where x is above the limit?",
    source="openai/CLIP#530",
)
class ClampedInForward(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        scale = self.log_scale.clamp(max=math.log(self.max_scale)).exp()
        images, texts, _ = contrastive.encode_pair(
            image_states, text_states, self.image_weight, self.text_weight, self.log_scale
        )
        return contrastive.clip_loss(images, texts, scale)

    def limit(self) -> None:
        pass


@asked.misconception(
    "only the image tower learns",
    says="Your text_weight stays as it was: its parameter gets no gradient or is not in the optimizer.",
    asks="Which tensors does your optimizer know, and which of them does backward reach?",
)
class OneTower(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        self.optimizer.param_groups[0]["params"] = [self.image_weight, self.log_scale]
        return super().loss(image_states, text_states)


@asked.misconception(
    "the scale does not learn",
    says="Both towers are right after the first step; log_scale stays where it began.",
    asks="Is log_scale in the optimizer, and does the loss see it as a tensor?",
)
class FixedScale(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        self.optimizer.param_groups[0]["params"] = [self.image_weight, self.text_weight]
        return super().loss(image_states, text_states)


@asked.misconception(
    "the logarithm is used as the scale",
    says="Your loss is the right one at the scale log_scale.",
    asks="clip_loss wants 1/τ. What does log_scale hold?",
    source="BAAI-DCAI/M3D#52",
)
class LogAsScale(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        images, texts, _ = contrastive.encode_pair(
            image_states, text_states, self.image_weight, self.text_weight, self.log_scale
        )
        return contrastive.clip_loss(images, texts, self.log_scale)


@asked.misconception(
    "the features are not normalised",
    says="Your loss compares dot products of the projections, whose lengths then matter.",
    asks="What do clip_loss's features have to look like?",
)
class NotNormalised(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        images, texts = image_states @ self.image_weight, text_states @ self.text_weight
        return contrastive.clip_loss(images, texts, self.log_scale.exp())


@asked.misconception(
    "images and texts have slipped by one",
    says="Your loss and steps are those of a batch in which each image stands beside its neighbour's text.",
    asks="Is there an order, a roll or an index that touches one side only?",
)
class Slipped(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        return super().loss(image_states, text_states.roll(1, 0))


@asked.misconception(
    "images and texts are shuffled separately",
    says="Your targets are random: one side of the batch is permuted and the other is not.",
    asks="After shuffling, does row i of both sides still come from one pair?",
)
class ShuffledApart(_Steps):
    def loss(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        return super().loss(image_states, text_states[torch.randperm(len(text_states))])


@asked.misconception(
    "uphill",
    says="Your step goes along the gradient, so the loss grows.",
    asks="Which sign does gradient descent have?",
)
class Uphill(_Steps):
    def move(self, loss: Tensor) -> None:
        super().move(-loss)


@asked.misconception(
    "the loss after the step is returned",
    says="Your parameters are right; the loss that you return is that of the moved parameters.",
    asks="Which parameters gave the loss whose gradients you used?",
)
class LossAfterwards(_Steps):
    def step(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        super().step(image_states, text_states)
        return self.loss(image_states, text_states).detach()


@asked.misconception(
    "step returns nothing",
    says="Your parameters are right after each step, but the loss is not handed back.",
    asks="What should a training loop write into its log?",
)
class NoLoss(_Steps):
    def step(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        super().step(image_states, text_states)
        return None  # type: ignore[return-value]  # which is the mistake


@asked.misconception(
    "the optimizer keeps an old parameter",
    says="The first step is right; then log_scale is a new tensor, and the optimizer goes on moving the old one.",
    asks="Does your clamp change the parameter in place, or put another one in its place?",
)
class Rebound(_Steps):
    def limit(self) -> None:
        self.log_scale = torch.nn.Parameter(self.log_scale.clamp(max=math.log(self.max_scale)))


@asked.misconception(
    "Adam instead of plain gradient descent",
    says="Each of your numbers moves by about the learning rate, whatever its gradient.",
    asks="Which update does the formula above ask for?",
)
class WithAdam(_Steps):
    def move(self, loss: Tensor) -> None:
        if not hasattr(self, "adam"):
            group = self.optimizer.param_groups[0]
            self.adam = torch.optim.Adam(group["params"], lr=group["lr"])
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


@asked.also_correct("by hand, without an optimizer")
class ByHand:
    def __init__(
        self,
        image_weight: Tensor,
        text_weight: Tensor,
        log_scale: Tensor,
        learning_rate: float,
        max_scale: float,
    ) -> None:
        self.image_weight, self.text_weight, self.log_scale = image_weight, text_weight, log_scale
        self.rate, self.max_scale = learning_rate, max_scale

    def step(self, image_states: Tensor, text_states: Tensor) -> Tensor:
        moving = [
            tensor.detach().requires_grad_()
            for tensor in (self.image_weight, self.text_weight, self.log_scale)
        ]
        logits = contrastive.encode_pair(image_states, text_states, *moving).logits
        labels = torch.arange(len(logits))
        cross_entropy = torch.nn.functional.cross_entropy
        loss = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
        gradients = torch.autograd.grad(loss, moving)
        updated = [tensor - self.rate * slope for tensor, slope in zip(moving, gradients, strict=True)]
        self.image_weight, self.text_weight, self.log_scale = (tensor.detach() for tensor in updated)
        self.log_scale = self.log_scale.clamp(max=math.log(self.max_scale))
        return loss


@asked.also_correct("parameters, cleared at the end of the step")
class ClearedAtTheEnd:
    def __init__(
        self,
        image_weight: Tensor,
        text_weight: Tensor,
        log_scale: Tensor,
        learning_rate: float,
        max_scale: float,
    ) -> None:
        parameter, self.limit = torch.nn.Parameter, torch.log(torch.tensor(max_scale))  # in float32
        self.image_weight, self.text_weight = parameter(image_weight), parameter(text_weight)
        self.log_scale = parameter(log_scale)
        both = [self.image_weight, self.text_weight]
        self.optimizers = [
            torch.optim.SGD(both, lr=learning_rate),
            torch.optim.SGD([self.log_scale], learning_rate),
        ]

    def step(self, image_states: Tensor, text_states: Tensor) -> float:
        u = torch.nn.functional.normalize
        features = u(image_states @ self.image_weight), u(text_states @ self.text_weight)
        loss = contrastive.clip_loss(*features, torch.exp(self.log_scale))
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.log_scale.data = torch.minimum(self.log_scale.data, self.limit.to(self.log_scale.dtype))
        return loss.item()
