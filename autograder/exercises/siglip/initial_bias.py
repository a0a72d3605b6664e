"""The best bias for a model that knows nothing."""

import math

import torch

from autograder.exercise import Exercise, case
from course_lib import contrastive

asked = Exercise(
    "siglip.initial_bias",
    title="Where the bias should start",
    minutes=10,
    skills=["derivation", "initialisation", "base rate"],
    reference=contrastive.initial_bias,
    outputs=["bias"],
    groups={"value": 2},
    exact=True,
    cases=[
        case("3 pairs", lambda rng: {"batch": 3}),
        case("8 pairs", lambda rng: {"batch": 8}),
        case("4096 pairs", lambda rng: {"batch": 4096}),
    ],
    hints=[
        "Set dL/db = 0: the N − 1 pushes σ(b) of the negatives must balance the pull σ(−b) of the positive.",
        "σ(b)/σ(−b) = e^b for every b. So the balance (N − 1) σ(b) = σ(−b) says what e^b is.",
        "e^b = 1/(N − 1); take the logarithm. math.log will do; the answer is a number, and negative.",
    ],
    follow_up="At this bias the model gives every pair the probability 1/N. Why is that the best it can say?",
)


@asked.misconception(
    "the sign is missing",
    says="Your bias is positive, so that an untrained model calls nearly everything a pair.",
    asks="Which share of the N² combinations are pairs, and is σ(b) near that?",
)
def sign(batch: int) -> float:
    return math.log(batch - 1)


@asked.misconception(
    "N negatives instead of N − 1",
    says="Your bias is −log N. It is the logarithm of the probability 1/N, but a bias is a logit.",
    asks="How many negatives has one image? And which logit has the probability 1/N?",
)
def all_of_them(batch: int) -> float:
    return -math.log(batch)


@asked.misconception(
    "one pair among N²",
    says="Your bias fits one positive among N² combinations.",
    asks="How many of the N² combinations of a batch are pairs?",
)
def one_in_all(batch: int) -> float:
    return -math.log(batch * batch - 1)


@asked.misconception(
    "N positives are forgotten",
    says="You count N(N − 1) negatives, but compare them with a single positive.",
    asks="What is the ratio of negatives to positives in the whole matrix?",
)
def unequal_counts(batch: int) -> float:
    return -math.log(batch * (batch - 1))


@asked.misconception(
    "a probability instead of a logit",
    says="You return the probability 1/N that the model should give.",
    asks="For which b is σ(b) = 1/N?",
)
def probability(batch: int) -> float:
    return 1 / batch


@asked.misconception(
    "−10 for every batch",
    says="−10 is the constant that the paper starts from, whatever the batch.",
    asks="For which N does your own derivation give −10?",
    source="mlfoundations/open_clip#650",
)
def always_ten(batch: int) -> float:
    return -10.0


@asked.misconception(
    "a logarithm to base 10",
    says="Your numbers are −log₁₀(N − 1).",
    asks="Which base belongs to the e of the sigmoid?",
)
def base_ten(batch: int) -> float:
    return -math.log10(batch - 1)


@asked.misconception(
    "a logarithm to base 2",
    says="Your numbers are −log₂(N − 1).",
    asks="In which unit is this course's loss: nats or bits?",
)
def base_two(batch: int) -> float:
    return -math.log2(batch - 1)


@asked.also_correct("the logit of 1/N")
def logit_of_share(batch: int) -> float:
    share = 1 / batch
    return math.log(share / (1 - share))


@asked.also_correct("with torch")
def with_torch(batch: int) -> torch.Tensor:
    return -torch.tensor(float(batch - 1), dtype=torch.float64).log()


@asked.also_correct("found by bisection on dL/db")
def by_bisection(batch: int) -> float:
    low, high = -40.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        push, pull = (batch - 1) / (1 + math.exp(-middle)), 1 / (1 + math.exp(middle))
        low, high = (low, middle) if push > pull else (middle, high)
    return low
