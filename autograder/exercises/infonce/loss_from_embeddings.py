"""Spot the bugs: from raw embeddings and CLIP's stored parameter to the loss."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive
from course_lib.experiments.infonce import loss_with_three_bugs


def _embeddings(batch: int, dim: int) -> CaseSpec:
    return case(
        f"{batch} pairs of width {dim}",
        lambda rng: {
            "image_embeddings": 2 * rng.normal(size=(batch, dim)),
            "text_embeddings": rng.normal(size=(batch, dim)),
            "log_scale": rng.uniform(0.5, 1.5, size=()),
        },
    )


def loss_from_embeddings(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    """The CLIP loss of raw embeddings, with the parameter that CLIP stores."""
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, log_scale.exp())
    return _loss(logits, logits.T)


def _loss(logits: Tensor, other: Tensor) -> Tensor:
    labels = torch.arange(len(logits))
    return (cross_entropy(logits, labels) + cross_entropy(other, labels)) / 2


asked = Exercise(
    "infonce.loss_from_embeddings",
    title="Spot the bugs",
    minutes=8,
    skills=["code review", "temperature", "symmetry"],
    reference=loss_from_embeddings,
    outputs=["loss"],
    gradients_of=["image_embeddings", "text_embeddings", "log_scale"],
    groups={"value": 2, "gradient": 1},
    cases=[_embeddings(3, 2), _embeddings(4, 4), _embeddings(6, 3)],
    stretch=True,
    hints=[
        "There are three. Read each line and say its shape aloud, and what it is that gets summed or normalised.",
        "One is in the normalisation's axis, one in what the stored parameter means, one in the second direction.",
        "dim=0 normalises over the batch; log_scale is a logarithm; and the second cross-entropy needs the "
        "transposed logits.",
    ],
    follow_up="For each of the three: which number, known beforehand, would have given it away?",
)


@asked.misconception(
    "the normalisation still runs over the batch",
    says="Two of the bugs are gone; the embeddings are still divided by the norms of their columns.",
    asks="Which axis does norm(dim=0) sum over?",
)
def norm_left(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    images, texts = (x / x.norm(dim=0, keepdim=True) for x in (image_embeddings, text_embeddings))
    logits = log_scale.exp() * images @ texts.T
    return _loss(logits, logits.T)


@asked.misconception(
    "the stored parameter still multiplies the cosines",
    says="Two of the bugs are gone; the logarithm of the scale is still used as the scale.",
    asks="What does CLIP store, and what do its cosines need?",
    source="BAAI-DCAI/M3D#52",
)
def log_scale_left(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, log_scale)
    return _loss(logits, logits.T)


@asked.misconception(
    "both halves still read the rows",
    says="Two of the bugs are gone; the text-to-image half still compares rows.",
    asks="What do the two calls of cross_entropy differ in?",
)
def direction_left(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, log_scale.exp())
    return _loss(logits, logits)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="What shape should the norms of N embeddings have?",
)
def as_printed(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    return loss_with_three_bugs(image_embeddings, text_embeddings, log_scale)


@asked.misconception(
    "the normalisation is right, two bugs remain",
    says="The embeddings are unit vectors now; the scale and the second direction are as printed.",
    asks="By which number are the cosines multiplied, and what is transposed?",
)
def only_norm_fixed(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    logits = contrastive.similarity_logits(image_embeddings, text_embeddings, log_scale)
    return _loss(logits, logits)


@asked.also_correct("from the parts of course_lib")
def from_parts(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    normalize = contrastive.l2_normalize
    return contrastive.clip_loss(normalize(image_embeddings), normalize(text_embeddings), log_scale.exp())


@asked.also_correct("written out")
def written_out(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    images, texts = (x / x.norm(dim=1, keepdim=True) for x in (image_embeddings, text_embeddings))
    logits = log_scale.exp() * images @ texts.T
    return (logits.logsumexp(0) + logits.logsumexp(1)).mean() / 2 - logits.diagonal().mean()
