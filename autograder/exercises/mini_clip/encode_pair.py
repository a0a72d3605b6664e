"""Two towers into one space: project, normalise, compare."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Answer = tuple[Tensor, Tensor, Tensor]


def _pair(images: int, texts: int, widths: tuple[int, int], dim: int) -> CaseSpec:
    return case(
        f"{images} images, {texts} texts and a space of width {dim}",
        lambda rng: {
            "image_states": 2 * rng.normal(size=(images, widths[0])),
            "text_states": rng.normal(size=(texts, widths[1])),
            "image_weight": rng.normal(size=(widths[0], dim)),
            "text_weight": rng.normal(size=(widths[1], dim)),
            "log_scale": rng.uniform(0.5, 1.5, size=()),
        },
    )


asked = Exercise(
    "mini_clip.encode_pair",
    title="Two towers, one space",
    minutes=10,
    skills=["normalisation", "temperature", "projection"],
    reference=contrastive.encode_pair,
    outputs=["image features", "text features", "logits"],
    gradients_of=["image_weight", "text_weight", "log_scale"],
    groups={"value": 2, "gradient": 1},
    cases=[_pair(2, 2, (3, 2), 2), _pair(4, 3, (5, 4), 3)],
    hints=[
        "Each side has a map of its own into the common space. After it, and only then, rows get length 1.",
        "image_states [N, W] @ image_weight [W, D] gives [N, D]; divide each row by its length (keepdim); the "
        "same for texts; then all cosines at once, [N, M], times the scale, of which you are given the logarithm.",
        "images = contrastive.l2_normalize(image_states @ image_weight), texts likewise, and logits = "
        "log_scale.exp() times images times texts transposed.",
    ],
    follow_up="Why does normalising before the projection not make up for leaving it out after it?",
)


def _parts(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor
) -> tuple[Tensor, Tensor]:
    return image_states @ image_weight, text_states @ text_weight


def _finish(images: Tensor, texts: Tensor, scale: Tensor | float) -> Answer:
    return images, texts, scale * images @ texts.T


@asked.misconception(
    "not normalised",
    says="Your features are the projections as they come, so your logits are dot products.",
    asks="What length must each row of the features have?",
)
def not_normalised(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(images, texts, log_scale.exp())


@asked.misconception(
    "normalised before the projection instead of after it",
    says="The towers' outputs have length 1, but the projection changes lengths again.",
    asks="At which point of the path must rows have length 1, if dot products are to be cosines?",
)
def normalised_before(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = normalize(image_states) @ image_weight, normalize(text_states) @ text_weight
    return _finish(images, texts, log_scale.exp())


@asked.misconception(
    "normalised over the batch",
    says="The columns of your features have length 1, not the rows: each feature depends on its batch.",
    asks="Over which axis do you sum the squares of one embedding?",
)
def batch_axis(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(normalize(images, dim=0), normalize(texts, dim=0), log_scale.exp())


@asked.misconception(
    "the lengths are not broadcast over the rows",
    says="Lengths of shape [N] line up with the last axis, so column j is divided by the length of row j.",
    asks="Which shape must the lengths have to divide whole rows?",
)
def not_broadcast(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(images / images.norm(dim=1), texts / texts.norm(dim=1), log_scale.exp())


@asked.misconception(
    "one side is normalised, the other is not",
    says="Your image features are right; your text features keep their lengths.",
    asks="Which of the two vectors of a cosine has to have length 1?",
)
def one_side(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(normalize(images), texts, log_scale.exp())


@asked.misconception(
    "the logarithm of the scale multiplies the cosines",
    says="Your features are right; your logits are log_scale times the cosines.",
    asks="What does CLIP store, and which function leads from it to 1/τ?",
    source="BAAI-DCAI/M3D#52",
)
def no_exp(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(normalize(images), normalize(texts), log_scale)


@asked.misconception(
    "divided by the scale",
    says="Your features are right; your cosines are divided by 1/τ, which makes them flatter.",
    asks="exp(log_scale) is 1/τ. Does a sharp softmax need larger logits, or smaller ones?",
    source="BLEEP#5: multiplied in one place, divided in another",
)
def divided(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(normalize(images), normalize(texts), (-log_scale).exp())


@asked.misconception(
    "the stored parameter divides, as if it were τ",
    says="Your features are right; your cosines are divided by log_scale itself.",
    asks="Of τ, 1/τ and log(1/τ), which one is handed to you?",
    source="LAION-AI/CLAP#57, open_clip#104: log-scale, scale and temperature mixed up",
)
def as_temperature(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = _parts(image_states, text_states, image_weight, text_weight)
    return _finish(normalize(images), normalize(texts), 1 / log_scale)


@asked.misconception(
    "the scale is multiplied into the image features",
    says="Your logits are right; your image features are as long as the scale instead of 1.",
    asks="What should be scaled: a feature, or the cosine of two?",
)
def scaled_features(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts, logits = contrastive.encode_pair(
        image_states, text_states, image_weight, text_weight, log_scale
    )
    return log_scale.exp() * images, texts, logits


@asked.misconception(
    "the logits are transposed",
    says="Your features are right; your logits have a row for each text.",
    asks="Whose candidates stand in one row, if entry [i, j] belongs to image i and text j?",
)
def transposed(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts, logits = contrastive.encode_pair(
        image_states, text_states, image_weight, text_weight, log_scale
    )
    return images, texts, logits.T


@asked.misconception(
    "the scale is a plain number",
    says="All your numbers are right, but no gradient reaches log_scale: it will stay where it starts.",
    asks="Where does log_scale stop being a tensor (.item(), float(), math.exp)?",
)
def scale_detached(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    return contrastive.encode_pair(image_states, text_states, image_weight, text_weight, log_scale.detach())


@asked.also_correct("with einsum, normalised twice")
def with_einsum(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    # Normalising before as well changes nothing: a row's length is a factor that goes in the second division.
    images = torch.einsum("nw,wd->nd", normalize(image_states), image_weight)
    texts = torch.einsum("nw,wd->nd", normalize(text_states), text_weight)
    images, texts = (side / torch.linalg.vector_norm(side, dim=1, keepdim=True) for side in (images, texts))
    return images, texts, torch.einsum("nd,md,->nm", images, texts, torch.exp(log_scale))


@asked.also_correct("dot products divided by both lengths")
def divided_late(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> Answer:
    images, texts = image_states.matmul(image_weight), text_states.matmul(text_weight)
    lengths = images.pow(2).sum(1).sqrt(), texts.pow(2).sum(1).sqrt()
    logits = images @ texts.T / (lengths[0][:, None] * lengths[1][None, :]) * log_scale.exp()
    return images / lengths[0][:, None], texts / lengths[1][:, None], logits
