"""Scaled cosines of every image with every text."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _embeddings(images: int, texts: int, dim: int, logit_scale: float) -> CaseSpec:
    return case(
        f"{images} images, {texts} texts and scale {logit_scale:g}",
        lambda rng: {
            "image_embeddings": 2 * rng.normal(size=(images, dim)),
            "text_embeddings": 0.5 * rng.normal(size=(texts, dim)),
            "logit_scale": np.array(logit_scale),
        },
    )


asked = Exercise(
    "infonce.similarity_logits",
    title="From embeddings to logits",
    minutes=8,
    skills=["cosine", "temperature"],
    reference=contrastive.similarity_logits,
    outputs=["logits"],
    gradients_of=["image_embeddings", "text_embeddings", "logit_scale"],
    groups={"value": 1, "gradient": 1},
    cases=[_embeddings(2, 3, 4, 2.0), _embeddings(4, 4, 3, 10.0), _embeddings(3, 2, 5, 0.5)],
    intermediates={
        "normalised images": lambda image_embeddings, **_: contrastive.l2_normalize(image_embeddings),
        "normalised texts": lambda text_embeddings, **_: contrastive.l2_normalize(text_embeddings),
        "cosines": lambda image_embeddings, text_embeddings, **_: contrastive.cosine_similarity(
            image_embeddings, text_embeddings
        ),
    },
    hints=[
        "A cosine is a dot product of unit vectors. All N·M of them are one matrix product.",
        "Normalise both [N, D] and [M, D]; multiply the first by the transpose of the second to get [N, M]; "
        "then apply the scale, which arrives already exponentiated.",
        "logit_scale * (contrastive.l2_normalize(images) @ ... .T): fill in the dots.",
    ],
    follow_up="CLIP stores log(logit_scale) as its parameter. Why would one learn the logarithm?",
)


@asked.misconception(
    "not normalised",
    says="Your logits are scaled dot products of the raw embeddings: long vectors score high with everything.",
    asks="What makes a dot product a cosine?",
)
def not_normalised(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    return logit_scale * image_embeddings @ text_embeddings.T


@asked.misconception(
    "only one side is normalised",
    says="Your logits still carry the lengths of the text embeddings.",
    asks="How many norms stand in the denominator of a cosine?",
)
def one_side(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    return logit_scale * contrastive.l2_normalize(image_embeddings) @ text_embeddings.T


@asked.misconception(
    "divides by the scale",
    says="Your logits are cosines divided by logit_scale.",
    asks="logit_scale is 1/τ. Which of the two divides?",
    source="BLEEP#5: multiplied in one place, divided in another",
)
def divides(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.cosine_similarity(image_embeddings, text_embeddings) / logit_scale


@asked.misconception(
    "the scale is exponentiated again",
    says="Your logits are exp(logit_scale) times the cosines.",
    asks="Is logit_scale here the parameter that CLIP stores, or already its exponential?",
    source="LAION-AI/CLAP#57, open_clip#104: log-scale, scale and temperature mixed up",
)
def exponentiated(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.similarity_logits(image_embeddings, text_embeddings, logit_scale.exp())


@asked.misconception(
    "the logarithm of the scale is used as the scale",
    says="Your logits are log(logit_scale) times the cosines.",
    asks="By what are the cosines multiplied: by the scale, or by its logarithm?",
    source="BAAI-DCAI/M3D#52",
)
def log_scale(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.similarity_logits(image_embeddings, text_embeddings, logit_scale.log())


@asked.misconception(
    "transposed",
    says="Your rows are texts and your columns are images.",
    asks="Entry [i, j] belongs to image i and text j: which factor comes first?",
)
def transposed(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.similarity_logits(text_embeddings, image_embeddings, logit_scale)


@asked.misconception(
    "normalised over the batch axis",
    says="Your embeddings were divided by the norms of their columns.",
    asks="Which axis runs over the numbers of one embedding?",
)
def batch_axis(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    images, texts = (x / x.norm(dim=0, keepdim=True) for x in (image_embeddings, text_embeddings))
    return logit_scale * images @ texts.T


@asked.also_correct("dot products divided by the outer product of the norms")
def outer_norms(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    norms = torch.outer(image_embeddings.norm(dim=1), text_embeddings.norm(dim=1))
    return image_embeddings @ text_embeddings.T / norms * logit_scale


@asked.also_correct("torch's cosine_similarity, broadcast")
def broadcast(image_embeddings: Tensor, text_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    cosines = torch.nn.functional.cosine_similarity(image_embeddings[:, None], text_embeddings[None], dim=-1)
    return cosines * logit_scale
