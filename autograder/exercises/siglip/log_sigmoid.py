"""The logarithm of a sigmoid that survives any logit."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, case
from autograder.exercises.ingredients import logits
from course_lib import contrastive

# Far out on both sides, in float64 as well: exp(1000) is infinite and σ(−1000) is zero.
_HOT = np.array([[-1000.0, 1000.0, -2.0], [800.0, 1.0, -900.0]])

asked = Exercise(
    "siglip.log_sigmoid",
    title="The logarithm of a sigmoid",
    minutes=9,
    skills=["numerical stability", "sigmoid"],
    reference=contrastive.log_sigmoid,
    outputs=["log_probabilities"],
    gradients_of=["logits"],
    groups={"value": 1, "gradient": 1, "stability": 1},
    cases=[
        logits(2, 3, 1.0),
        logits(3, 3, 3.0),
        case(
            "logits from −1000 to 1000",
            lambda rng: {"logits": _HOT + 0.1 * rng.normal(size=_HOT.shape)},
            group="stability",
        ),
    ],
    write_yourself=[
        "log_sigmoid",
        "softplus",
        "torch.nn.functional:binary_cross_entropy_with_logits",
    ],
    hints=[
        "For ℓ > 0, exp(−ℓ) is small and harmless; for ℓ < 0 it is exp(ℓ). Can you write log σ with exp(−|ℓ|) only?",
        "log σ(ℓ) = −log(1 + e^(−ℓ)) for ℓ ≥ 0, and ℓ − log(1 + e^ℓ) for ℓ < 0. Both contain log(1 + e^(−|ℓ|)); "
        "what stands in front of it is 0 or ℓ, whichever is smaller.",
        "One line: logits.clamp(max=0) minus the log1p of an exponential whose argument is minus logits.abs().",
    ],
    follow_up="Why log1p(x), and not log(1 + x), when x is 1e-20? And does it matter here?",
)


@asked.misconception(
    "the logarithm of the finished sigmoid",
    says="It is right for small logits; far below 0 the sigmoid is the float 0, whose logarithm is −∞.",
    asks="Can the logarithm be taken on paper, before anything is exponentiated?",
)
def log_of_sigmoid(logits: Tensor) -> Tensor:
    return torch.sigmoid(logits).log()


@asked.misconception(
    "−log(1 + exp(−ℓ)) for every ℓ",
    says="It is right for small logits; for ℓ = −1000 the exponential overflows.",
    asks="Which of e^ℓ and e^(−ℓ) is at most 1 when ℓ is negative?",
    same_as="log_of_sigmoid: σ is the inverse of 1 + exp(−ℓ), so both overflow at the same logits",
)
def one_formula(logits: Tensor) -> Tensor:
    return -torch.log(1 + torch.exp(-logits))


@asked.misconception(
    "ℓ − log(1 + exp(ℓ)) for every ℓ",
    says="It is right for small logits; for ℓ = 1000 it becomes ∞ − ∞ or −∞.",
    asks="Which of e^ℓ and e^(−ℓ) is at most 1 when ℓ is positive?",
)
def other_formula(logits: Tensor) -> Tensor:
    return logits - torch.log(1 + torch.exp(logits))


@asked.misconception(
    "a small number inside the logarithm",
    says="log(σ + 1e-8) never goes below −18.4, so every pair that is worse than that costs the same.",
    asks="What is the gradient of a positive whose logit is −1000 in your version, and in the exact one?",
)
def eps_inside(logits: Tensor) -> Tensor:
    return torch.log(torch.sigmoid(logits) + 1e-8)


@asked.misconception(
    "a choice between two branches, of which one overflows",
    says="Your values are right, but torch.where differentiates both branches, and 0 · ∞ is NaN.",
    asks="What is the derivative of the branch that was not chosen, at ℓ = −1000?",
)
def both_branches(logits: Tensor) -> Tensor:
    return torch.where(logits > 0, -torch.log1p(torch.exp(-logits)), logits - torch.log1p(torch.exp(logits)))


@asked.misconception(
    "the sign is missing",
    says="Your numbers are −log σ, the cost, and positive.",
    asks="Is the logarithm of a probability positive or negative?",
)
def cost(logits: Tensor) -> Tensor:
    return torch.logaddexp(torch.zeros_like(logits), -logits)


@asked.misconception(
    "the probability of the opposite",
    says="Your numbers are log σ(−ℓ) = log(1 − σ(ℓ)).",
    asks="Towards which value should log σ(ℓ) go when ℓ is large and positive?",
)
def opposite(logits: Tensor) -> Tensor:
    return contrastive.log_sigmoid(-logits)


@asked.misconception(
    "probabilities instead of their logarithms",
    says="Your numbers are σ(ℓ).",
    asks="What is log σ(0)?",
)
def no_log(logits: Tensor) -> Tensor:
    return torch.sigmoid(logits)


@asked.misconception(
    "the part in front is missing",
    says="Your numbers are −log(1 + e^(−|ℓ|)), which is right for positive logits only.",
    asks="What should log σ(−1000) be, and which term can give it?",
)
def no_minimum(logits: Tensor) -> Tensor:
    return -torch.log1p(torch.exp(-logits.abs()))


@asked.misconception(
    "a softmax over the row",
    says="Each of your rows is a log-softmax: the candidates compete.",
    asks="Does the probability that this is a pair depend on the other texts?",
)
def softmax(logits: Tensor) -> Tensor:
    return contrastive.log_softmax_rows(logits)


@asked.also_correct("logaddexp")
def with_logaddexp(logits: Tensor) -> Tensor:
    return -torch.logaddexp(torch.zeros_like(logits), -logits)


@asked.also_correct("minimum and log1p")
def with_minimum(logits: Tensor) -> Tensor:
    return torch.minimum(logits, torch.zeros_like(logits)) - (-logits.abs()).exp().log1p()


@asked.also_correct("a log-softmax of two logits, the other one 0")
def two_classes(logits: Tensor) -> Tensor:
    return torch.stack([logits, torch.zeros_like(logits)]).log_softmax(dim=0)[0]
