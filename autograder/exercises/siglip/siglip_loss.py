"""The sigmoid loss of a batch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import pairs
from course_lib import contrastive
from course_lib.experiments.siglip import loss_as_printed

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def sigmoid_pairs(batch: int, dim: int, logit_scale: float, logit_bias: float, **options: Any) -> CaseSpec:
    """A batch of features, a scale and a bias."""
    made = pairs(batch, dim, logit_scale)
    name = f"{batch} pairs at scale {logit_scale:g} and bias {logit_bias:g}"
    return case(name, lambda rng: {**made.make(rng), "logit_bias": np.array(logit_bias)}, **options)


def _hot(rng: Generator) -> dict[str, Any]:
    # Cosines of −1, 0 and 1, so that every logit is far from 0 or well behaved: 995, −5 or −1005.
    images = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    texts = np.array([[-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    return {
        "image_features": images,
        "text_features": texts,
        "logit_scale": np.array(1000.0),
        "logit_bias": np.array(-5.0 + 0.1 * rng.normal()),
    }


def _logits(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor) -> Tensor:
    return logit_scale * image_features @ text_features.T + logit_bias


def _labels(logits: Tensor) -> Tensor:
    return contrastive.pair_labels(len(logits), dtype=logits.dtype)


def _of(labels: Tensor, logits: Tensor) -> Tensor:
    return -logsigmoid(labels * logits).sum() / len(logits)


asked = Exercise(
    "siglip.siglip_loss",
    title="The sigmoid loss",
    minutes=13,
    skills=["sigmoid", "binary cross-entropy", "bias"],
    reference=contrastive.siglip_loss,
    outputs=["loss"],
    gradients_of=["image_features", "text_features", "logit_scale", "logit_bias"],
    groups={"value": 1, "gradient": 1, "stability": 1},
    cases=[
        sigmoid_pairs(3, 2, 2.0, -1.0),
        sigmoid_pairs(5, 4, 5.0, -3.0),
        case("cosines of −1, 0 and 1 at scale 1000", _hot, group="stability"),
    ],
    intermediates={
        "logits": _logits,
        "labels times logits": lambda **inputs: _labels(_logits(**inputs)) * _logits(**inputs),
    },
    hints=[
        "Make the whole logit first, with its bias. Then the label turns it around where the pair is a negative.",
        "logits [N, N] = scale · cosines + bias; labels [N, N]; the log-sigmoid of their product, entry by entry; "
        "then sum all N² of them, and divide by N.",
        "You have contrastive.pair_labels(N, dtype=...) and contrastive.log_sigmoid(...). The argument is labels times "
        "logits; the result is minus a sum, divided by len(logits).",
    ],
    follow_up="The sum has N² terms and is divided by N. What does that do to the loss when N doubles?",
)


@asked.misconception(
    "the bias stands outside the sign",
    says="Your argument is z·scale·s + b, as the card prints it: the bias pushes positives and negatives the same way.",
    asks="What happened above to this loss when b grew, and which sign should b have for a negative?",
    source="the source card, C7",
)
def bias_outside(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return loss_as_printed(image_features, text_features, logit_scale, logit_bias)


@asked.misconception(
    "the mean over all N² pairs",
    says="Your loss is N times too small: you divide by the number of pairs of the whole matrix.",
    asks="By which number does the formula divide its double sum?",
    source="HeartWise-AI/DeepCORO_CLIP#39 takes the default mean of a binary cross-entropy",
)
def mean_over_pairs(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias) / len(image_features)


@asked.misconception(
    "a mean, divided by N once more",
    says="Your loss is N² times too small: the mean has already divided by N², and then you divide by N.",
    asks="The formula says 1/N in front of a sum. Does .mean() take a sum?",
    source="google-research/big_vision#115: a loss of 0.003 at the start",
)
def mean_and_divided(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias) / len(image_features) ** 2


@asked.misconception(
    "the sum is not divided",
    says="Your loss is N times too large: the sum over all pairs.",
    asks="What stands in front of the double sum?",
)
def not_divided(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias) * len(image_features)


@asked.misconception(
    "the bias is multiplied by the scale",
    says="Your logit is scale · (s + b), so the bias acts scale times as strongly.",
    asks="Does the bias belong to the cosine or to the logit?",
)
def bias_scaled(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_scale * logit_bias)


@asked.misconception(
    "no bias",
    says="Your numbers do not depend on logit_bias.",
    asks="What is the fourth argument for?",
)
def no_bias(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, torch.zeros_like(logit_bias))


@asked.misconception(
    "the bias is subtracted",
    says="Your logit is scale · s − b.",
    asks="A bias of −10 should make every pair look unlikely. Does it, in yours?",
)
def bias_subtracted(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, -logit_bias)


@asked.misconception(
    "0 put for z",
    says="Your negatives have the label 0, so each costs log 2 whatever its logit, and none is pushed away.",
    asks="“Predicting 1 and 0” is a cross-entropy's way of speaking. Which two values does z take?",
    source="the source card, C13, which says 1 and 0 beside a formula with ±1",
)
def zero_labels(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return _of(torch.eye(len(logits), dtype=logits.dtype), logits)


@asked.misconception(
    "0 for the pairs",
    says="Your labels are 0 on the diagonal and −1 elsewhere, so no pair is pulled together.",
    asks="What do you have to do to torch.eye(N) to get +1 and −1?",
)
def pairs_silenced(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return _of(torch.eye(len(logits), dtype=logits.dtype) - 1, logits)


@asked.misconception(
    "the softmax loss",
    says="Your numbers are those of lesson 01's InfoNCE, which no bias can change.",
    asks="Where do the candidates of a row compete with each other in the formula above?",
)
def infonce(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor) -> Tensor:
    return contrastive.clip_loss(image_features, text_features, logit_scale)


@asked.misconception(
    "the labels have exchanged signs",
    says="Your loss pushes the pairs apart and pulls everything else together.",
    asks="For which pairs should σ be near 1?",
)
def exchanged(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return _of(-_labels(logits), logits)


@asked.misconception(
    "every pair is a positive",
    says="Your labels are +1 everywhere: the loss is lowest when all images and texts coincide.",
    asks="Where are the negatives of your loss?",
)
def all_positive(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return _of(torch.ones_like(logits), logits)


@asked.misconception(
    "the positives alone",
    says="You sum over the diagonal only, so nothing keeps the images and texts apart.",
    asks="How many terms does the double sum have?",
)
def positives_only(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return -logsigmoid(logits.diagonal()).mean()


@asked.misconception(
    "positives and negatives averaged apart",
    says="You give the N positives and the N(N − 1) negatives the same weight.",
    asks="Which weight has a single negative in the formula, and which in yours?",
)
def balanced(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    costs = -logsigmoid(_labels(logits) * logits)
    positives = torch.eye(len(logits), dtype=torch.bool)
    return costs[positives].mean() + costs[~positives].mean()


@asked.misconception(
    "the sign is missing",
    says="You return the mean log-probability of the labels: minimising it would unlearn them.",
    asks="Which sign does −log σ have?",
)
def sign(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return -right(image_features, text_features, logit_scale, logit_bias)


@asked.misconception(
    "the logarithm of a finished sigmoid",
    says="It is right until a pair is badly wrong: then σ is the float 0 and its logarithm −∞.",
    asks="Which function of this lesson takes the logarithm first?",
)
def unstable(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return -torch.sigmoid(_labels(logits) * logits).log().sum() / len(logits)


@asked.misconception(
    "no logarithm",
    says="You sum the probabilities of the wrong answers instead of −log of the right ones.",
    asks="What does a pair cost that is certain and wrong, in yours and in the formula?",
)
def no_log(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale, logit_bias)
    return torch.sigmoid(-_labels(logits) * logits).sum() / len(logits)


@asked.misconception(
    "the scale is exponentiated again",
    says="Your loss is the right one at the scale exp(logit_scale).",
    asks="Does logit_scale arrive as a logarithm, or already exponentiated?",
    source="LAION-AI/CLAP#57, open_clip#104: log-scale, scale and temperature mixed up",
)
def exponentiated(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = logit_scale.exp() * (image_features @ text_features.T) + logit_bias
    return _of(_labels(logits), logits)


@asked.misconception(
    "divides by the scale",
    says="Your loss is the right one at the scale 1/logit_scale.",
    asks="logit_scale is 1/τ. Which of the two divides?",
)
def divides(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, 1 / logit_scale, logit_bias)


@asked.misconception(
    "the bias is cut out of the graph",
    says="Your loss is right, but no gradient reaches logit_bias: it would never be learned.",
    asks="Is there an .item(), a float() or a .detach() on the way from logit_bias to the loss?",
)
def bias_frozen(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias.detach())


@asked.misconception(
    "the features are normalised again",
    says="Your loss is right, but your gradients have lost their component along each feature.",
    asks="The features arrive normalised. What does doing it twice do to the derivative?",
)
def normalised_again(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    normalize = contrastive.l2_normalize
    return right(normalize(image_features), normalize(text_features), logit_scale, logit_bias)


@asked.also_correct("binary cross-entropy, summed, with targets 0 and 1")
def cross_entropy(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = image_features @ text_features.T * logit_scale + logit_bias
    targets = torch.eye(len(logits), dtype=logits.dtype)
    return binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(logits)


@asked.also_correct("softplus, row by row")
def with_softplus(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = logit_scale * image_features @ text_features.T + logit_bias
    signs = 1 - 2 * torch.eye(len(logits), dtype=logits.dtype)
    return softplus(signs * logits).sum(dim=1).mean()


@asked.also_correct("all as negatives, the diagonal mended")
def mended(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor) -> Tensor:
    logits = torch.einsum("id,jd->ij", image_features, text_features) * logit_scale + logit_bias
    return -(logsigmoid(-logits).sum() + logits.diagonal().sum()) / len(logits)
