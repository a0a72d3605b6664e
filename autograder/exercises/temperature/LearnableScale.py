"""CLIP's learnable scale, as a class: what it stores, what it returns, and where it is clipped."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercise import CaseSpec, Exercise, case
from autograder.observers import StateObserver
from course_lib import contrastive


def _script(name: str, steps: list[list[Any]], **options: str) -> CaseSpec:
    return case(name, lambda rng: {"script": steps}, **options)


_READ: list[Any] = [["get", "log_scale"], ["call", "forward"], ["backward", ["log_scale"]]]

asked = Exercise(
    "temperature.LearnableScale",
    title="A learnable scale",
    minutes=14,
    skills=["parameters", "optimizers", "temperature"],
    reference=contrastive.LearnableScale,
    observer=StateObserver(dtype="float64"),
    groups={"parameter": 1, "clamp": 1, "gradient": 1},
    cases=[
        _script("CLIP's defaults", [["new", {}], *_READ]),
        _script("temperature 0.5", [["new", {"temperature": 0.5}], *_READ]),
        _script(
            "temperature 0.005, that is a scale of 200, clamped to 4",
            [
                ["new", {"temperature": 0.005, "max_scale": 4.0}],
                *_READ,
                ["call", "clamp_"],
                *_READ,
                ["same", "log_scale"],
            ],
            group="clamp",
        ),
        _script(
            "temperature 0.25, clamped to 20, which changes nothing",
            [
                ["new", {"temperature": 0.25, "max_scale": 20.0}],
                ["get", "log_scale"],
                ["call", "clamp_"],
                ["same", "log_scale"],
                *_READ,
            ],
            group="clamp",
        ),
    ],
    hints=[
        "What is stored is log(1/τ), what is returned is its exponential, and the clamp compares logarithms.",
        "__init__: an nn.Parameter, 0-d. forward: exp, and nothing else. clamp_: without gradient, in place on the "
        "same parameter, with the logarithm of max_scale as the upper limit.",
        "self.log_scale = nn.Parameter(torch.tensor(math.log(1 / temperature))); forward returns its .exp(); "
        "clamp_ runs self.log_scale.clamp_(max=math.log(...)) inside torch.no_grad().",
    ],
    follow_up="What would weight decay on log_scale pull τ towards?",
)


class _Scale(nn.Module):
    """What the wrong ones have in common; each spoils one part."""

    def __init__(self, temperature: float = 0.07, max_scale: float = 100.0) -> None:
        super().__init__()
        self.max_scale = max_scale
        self.log_scale = nn.Parameter(torch.tensor(self.stored(temperature)))

    def stored(self, temperature: float) -> float:
        return -math.log(temperature)

    def forward(self) -> Tensor:
        return torch.exp(self.log_scale)

    def clamp_(self) -> None:
        self.log_scale.data.clamp_(max=math.log(self.max_scale))


@asked.misconception(
    "the temperature itself is stored",
    says="Your parameter is τ, and its exponential is near 1 whatever τ is.",
    asks="What must log_scale be, so that exp(log_scale) = 1/τ?",
    source="LAION-AI/CLAP#57: log-scale, scale and temperature mixed up",
)
class StoresTemperature(_Scale):
    def stored(self, temperature: float) -> float:
        return temperature


@asked.misconception(
    "the logarithm of τ instead of 1/τ",
    says="Your scale is τ: the cosines are divided where they should be multiplied.",
    asks="Is log(0.07) positive or negative, and what is its exponential?",
    source="BLEEP#5: multiplied in one place, divided in another",
)
class StoresLogTemperature(_Scale):
    def stored(self, temperature: float) -> float:
        return math.log(temperature)


@asked.misconception(
    "the scale itself is stored and returned",
    says="Your parameter is 1/τ, not its logarithm: a step of the optimizer can make it negative.",
    asks="What is stored: 14.3 or 2.66?",
    source="open_clip#104: log-scale and scale mixed up",
)
class StoresScale(_Scale):
    def stored(self, temperature: float) -> float:
        return 1 / temperature

    def forward(self) -> Tensor:
        return self.log_scale * 1

    def clamp_(self) -> None:
        self.log_scale.data.clamp_(max=self.max_scale)


@asked.misconception(
    "the scale is stored and exponentiated",
    says="Your parameter is 1/τ, and you return exp(1/τ): more than a million at τ = 0.07.",
    asks="Of which number is the scale the exponential?",
)
class ExpOfScale(_Scale):
    def stored(self, temperature: float) -> float:
        return 1 / temperature


@asked.misconception(
    "no exponential",
    says="You return the logarithm of the scale.",
    asks="By which number are the cosines multiplied: by 14.3 or by 2.66?",
    source="BAAI-DCAI/M3D#52: no exp on logit_scale",
)
class NoExp(_Scale):
    def forward(self) -> Tensor:
        return self.log_scale * 1


@asked.misconception(
    "clamped in forward",
    says="Above the limit your gradient is 0, so that a scale which gets there never comes back.",
    asks="What is the derivative of clamp(x, max=m) for x > m?",
    source="openai/CLIP#46: where the clip is applied",
)
class ClampsInForward(_Scale):
    def forward(self) -> Tensor:
        return torch.exp(self.log_scale).clamp(max=self.max_scale)


@asked.misconception(
    "the logarithm is clamped at the scale's limit",
    says="You let the logarithm grow to max_scale, that is the scale to exp(max_scale).",
    asks="If exp(x) may not exceed 100, what may x not exceed?",
    source="openai/CLIP#530: ln 100 is 4.6052",
)
class ClampsAtMaxScale(_Scale):
    def clamp_(self) -> None:
        self.log_scale.data.clamp_(max=self.max_scale)


@asked.misconception(
    "the clamp makes a new parameter",
    says="Your numbers are right, but the optimizer holds the old parameter and goes on training that one.",
    asks="Which object did optimizer = Adam(model.parameters()) see?",
)
class ReplacesParameter(_Scale):
    def clamp_(self) -> None:
        limit = math.log(self.max_scale)
        self.log_scale = nn.Parameter(self.log_scale.detach().clamp(max=limit))


@asked.misconception(
    "the clamp does nothing",
    says="After clamp_ your parameter is what it was: clamp without an underscore returns a new tensor.",
    asks="What happens to the result of x.clamp(max=4.6)?",
)
class ClampForgotten(_Scale):
    def clamp_(self) -> None:
        self.log_scale.data.clamp(max=math.log(self.max_scale))


@asked.misconception(
    "a lower limit instead of an upper one",
    says="You raise small scales to max_scale and let large ones pass.",
    asks="Which scales should be changed: those above the limit, or those below?",
)
class ClampsFromBelow(_Scale):
    def clamp_(self) -> None:
        self.log_scale.data.clamp_(min=math.log(self.max_scale))


@asked.misconception(
    "no gradient reaches the parameter",
    says="Your scale is right, but it is a constant: nothing can be learned.",
    asks="Is there a .item(), .detach(), .data or math.exp on the way from log_scale to the result?",
)
class Detached(_Scale):
    def forward(self) -> Tensor:
        return self.log_scale.detach().exp()


@asked.also_correct("as open_clip writes it")
class LikeOpenClip(nn.Module):
    """ones(()) · log(1/τ), and the clamp on .data."""

    def __init__(self, temperature: float = 0.07, max_scale: float = 100.0) -> None:
        super().__init__()
        self.limit = math.log(max_scale)
        self.log_scale = nn.Parameter(torch.ones([]) * math.log(1 / temperature))

    def forward(self) -> Tensor:
        return self.log_scale.exp()

    def clamp_(self) -> None:
        self.log_scale.data = torch.clamp(self.log_scale.data, 0, self.limit)


@asked.also_correct("a plain class with a leaf tensor")
class Plain:
    """No Module: the exercise asks for three methods and one tensor that learns."""

    def __init__(self, temperature: float = 0.07, max_scale: float = 100.0) -> None:
        self.max_scale = max_scale
        self.log_scale = torch.tensor(-math.log(temperature), requires_grad=True)

    def forward(self) -> Tensor:
        return math.e**self.log_scale

    def clamp_(self) -> None:
        with torch.no_grad():
            if self.log_scale.exp() > self.max_scale:
                self.log_scale.fill_(math.log(self.max_scale))
