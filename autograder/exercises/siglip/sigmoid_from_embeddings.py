"""Spot the bugs: the sigmoid loss of raw embeddings, as people have written it."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive
from course_lib.experiments.siglip import loss_with_three_bugs


def _embeddings(batch: int, dim: int) -> CaseSpec:
    return case(
        f"{batch} pairs of width {dim}",
        lambda rng: {
            "image_embeddings": 2 * rng.normal(size=(batch, dim)),
            "text_embeddings": rng.normal(size=(batch, dim)),
            "log_scale": rng.uniform(0.5, 1.5, size=()),
            "logit_bias": rng.uniform(-2.5, -1.5, size=()),
        },
    )


def sigmoid_from_embeddings(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    """The sigmoid loss of raw embeddings, with the two parameters that SigLIP stores."""
    images, texts = contrastive.l2_normalize(image_embeddings), contrastive.l2_normalize(text_embeddings)
    return contrastive.siglip_loss(images, texts, log_scale.exp(), logit_bias)


def _with(
    inputs: tuple[Tensor, Tensor, Tensor, Tensor], *, scaled_bias: bool, zero_labels: bool, mean: bool
) -> Tensor:
    """The loss with any of the three bugs."""
    image_embeddings, text_embeddings, log_scale, logit_bias = inputs
    scale = log_scale.exp()
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, scale)
    logits = logits + (scale * logit_bias if scaled_bias else logit_bias)
    truth = torch.eye(len(logits), dtype=logits.dtype)
    costs = -logsigmoid((truth if zero_labels else 2 * truth - 1) * logits)
    return costs.mean() if mean else costs.sum() / len(logits)


asked = Exercise(
    "siglip.sigmoid_from_embeddings",
    title="Spot the bugs",
    minutes=8,
    skills=["code review", "bias", "labels"],
    reference=sigmoid_from_embeddings,
    outputs=["loss"],
    gradients_of=["image_embeddings", "text_embeddings", "log_scale", "logit_bias"],
    groups={"value": 2, "gradient": 1},
    cases=[_embeddings(3, 2), _embeddings(4, 4), _embeddings(6, 3)],
    stretch=True,
    hints=[
        "There are three. For each line, ask what it would do for a batch whose loss you know.",
        "One is in a pair of parentheses, one in what the labels are multiplied with, one in the last line.",
        "The bias is added to the logit, not to the cosine; z is ±1; and the sum is divided by N, not by N².",
    ],
    follow_up="For each of the three: what would the first printed loss of a training run have been?",
)


@asked.misconception(
    "the bias is still multiplied by the scale",
    says="Two of the bugs are gone; the bias still stands inside the parentheses with the cosine.",
    asks="At a scale of 10 and b = −10, what is the logit of two orthogonal embeddings?",
)
def bias_left(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    inputs = (image_embeddings, text_embeddings, log_scale, logit_bias)
    return _with(inputs, scaled_bias=True, zero_labels=False, mean=False)


@asked.misconception(
    "the labels are still 0 and 1",
    says="Two of the bugs are gone; every negative still costs log 2, whatever its logit.",
    asks="What does a label do to a logit in this formula?",
)
def labels_left(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    inputs = (image_embeddings, text_embeddings, log_scale, logit_bias)
    return _with(inputs, scaled_bias=False, zero_labels=True, mean=False)


@asked.misconception(
    "still the mean over all pairs",
    says="Two of the bugs are gone; the loss is still N times too small.",
    asks="How many numbers does .mean() average here?",
    source="google-research/big_vision#115",
)
def mean_left(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    inputs = (image_embeddings, text_embeddings, log_scale, logit_bias)
    return _with(inputs, scaled_bias=False, zero_labels=False, mean=True)


@asked.misconception(
    "the labels are right, two bugs remain",
    says="The labels are ±1 now; the bias and the last line are as printed.",
    asks="What is the bias added to, and by what is the sum divided?",
)
def only_labels_mended(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    inputs = (image_embeddings, text_embeddings, log_scale, logit_bias)
    return _with(inputs, scaled_bias=True, zero_labels=False, mean=True)


@asked.misconception(
    "the bias is right, two bugs remain",
    says="The bias is added to the logit now; the labels and the last line are as printed.",
    asks="Which values may z take, and what does .mean() divide by?",
)
def only_bias_mended(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    inputs = (image_embeddings, text_embeddings, log_scale, logit_bias)
    return _with(inputs, scaled_bias=False, zero_labels=True, mean=True)


@asked.misconception(
    "the last line is right, two bugs remain",
    says="The sum is divided by N now; the bias and the labels are as printed.",
    asks="By what is the bias multiplied, and what is log σ(0)?",
)
def only_mean_mended(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    inputs = (image_embeddings, text_embeddings, log_scale, logit_bias)
    return _with(inputs, scaled_bias=True, zero_labels=True, mean=False)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="What does a negative cost whose logit is −20?",
)
def as_printed(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return loss_with_three_bugs(image_embeddings, text_embeddings, log_scale, logit_bias)


@asked.misconception(
    "the bias has moved out of the sign",
    says="The three bugs are gone, and a fourth has come: your argument is z·scale·s + b.",
    asks="Which logit has a negative in yours when b = −10: a low one?",
)
def moved_outside(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, log_scale.exp())
    labels = contrastive.pair_labels(len(logits), dtype=logits.dtype)
    return -logsigmoid(labels * logits + logit_bias).sum() / len(logits)


@asked.also_correct("from the logits")
def from_logits(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, log_scale.exp()) + logit_bias
    labels = contrastive.pair_labels(len(logits), dtype=logits.dtype)
    return -contrastive.log_sigmoid(labels * logits).sum() / len(labels)


@asked.also_correct("cross-entropies with targets 0 and 1")
def with_targets(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    images, texts = (x / x.norm(dim=1, keepdim=True) for x in (image_embeddings, text_embeddings))
    logits = log_scale.exp() * images @ texts.T + logit_bias
    costs = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.eye(len(logits), dtype=logits.dtype), reduction="none"
    )
    return costs.sum(dim=1).mean()
