"""The backward pass, tile by tile, from the saved log-sum-exps."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise
from autograder.exercises.large_batches.tile_statistics import tiles
from autograder.observers import FunctionObserver
from course_lib import contrastive

Gradients = tuple[Tensor, Tensor, Tensor]


def _known(
    batch: int, tile: int, logit_scale: float, dim: int = 3, group: str | None = None, **more: int
) -> CaseSpec:
    """As `tiles`, with the log-sum-exps and an upstream gradient."""
    whole = tiles(batch, tile, logit_scale, dim, group, **more)

    def make(rng: Generator) -> dict[str, Any]:
        inputs = dict(whole.make(rng))
        logits = inputs["logit_scale"] * inputs["image_features"] @ inputs["text_features"].T
        top = logits.max()
        sums = (np.log(np.exp(logits - top).sum(axis)) + top for axis in (1, 0))
        return (
            inputs
            | dict(zip(("rows", "columns"), sums, strict=True))
            | {"upstream": rng.uniform(2, 3, size=())}
        )

    return CaseSpec(whole.name, make, group)


asked = Exercise(
    "large_batches.tile_gradients",
    title="Backward without the matrix",
    minutes=15,
    skills=["chain rule", "tiling", "memory"],
    reference=contrastive.tile_gradients,
    observer=FunctionObserver(
        outputs=("gradient of the images", "gradient of the texts", "gradient of the scale"), room="room"
    ),
    groups={"value": 2, "memory": 1},
    cases=[
        _known(3, 2, 2.0),
        _known(4, 2, 6.0),
        _known(5, 9, 6.0),
        _known(60, 10, 5.0, 2, "memory", room=5000),
    ],
    hints=[
        "Once the log-sum-exps are known, every probability of a tile is final: exp(ℓ − r) along rows, exp(ℓ − c) along "
        "columns. Which tiles hold pairs?",
        "Per tile: cosines, logits, G [tile, tile] (both probabilities, minus 2 on the pairs, times upstream/(2N)). "
        "Images i collect scale · G T_j, texts j collect scale · Gᵀ I_i, the scale collects the sum of G · cosines.",
        "G = (logits - rows[i : i + tile, None]).exp() + (logits - columns[None, j : j + tile]).exp(); if i == j subtract "
        "twice the identity; then add the three products to what is there already.",
    ],
    follow_up="The forward pass has computed these logits before. Why not keep them?",
)


def _whole(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    diagonal: Tensor,
) -> Gradients:
    """Gradients from a matrix G that uses the given normalisers and positives."""
    cosines = image_features @ text_features.T
    logits = logit_scale * cosines
    grad = ((logits - rows[:, None]).exp() + (logits - columns).exp() - 2 * diagonal) / (2 * len(logits))
    return _collect(image_features, text_features, logit_scale, grad, cosines)


def _collect(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, grad: Tensor, weights: Tensor
) -> Gradients:
    return logit_scale * grad @ text_features, logit_scale * grad.T @ image_features, (grad * weights).sum()


def _scaled(gradients: Gradients, factor: Any) -> Gradients:
    images, texts, scale = gradients
    return images * factor, texts * factor, scale * factor


def _eye(features: Tensor) -> Tensor:
    return torch.eye(len(features), dtype=features.dtype)


def _in_tile(batch: int, tile: int) -> Tensor:
    """Which entries stand on the diagonal of their own tile."""
    index = torch.arange(batch) % tile
    return index[:, None] == index


@asked.misconception(
    "the upstream gradient is forgotten",
    says="These are the gradients of the loss itself, not of what it goes into.",
    asks="What is the derivative of 3·L with respect to the images? Where does your function use upstream?",
)
def no_upstream(right: Any, upstream: Tensor, **given: Any) -> Gradients:
    return right(upstream=torch.ones_like(upstream), **given)


@asked.misconception(
    "one direction only",
    says="These are the gradients of half of the image-to-text loss; the columns are not used.",
    asks="Which two softmaxes does logit ℓ_ij take part in?",
)
def one_direction(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    nowhere = torch.full_like(columns, torch.inf)
    half = _whole(image_features, text_features, logit_scale, rows, nowhere, _eye(image_features) / 2)
    return _scaled(half, upstream)


@asked.misconception(
    "the pairs are not subtracted",
    says="Your G holds the probabilities only, so every logit is pushed down, the positives too.",
    asks="What does −ℓ_ii in the loss contribute to the gradient?",
)
def no_positives(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    none = torch.zeros_like(_eye(image_features))
    return _scaled(_whole(image_features, text_features, logit_scale, rows, columns, none), upstream)


@asked.misconception(
    "pairs in every tile",
    says="You subtract the identity from every tile, as if image i matched a text in each of them.",
    asks="In which tiles do an image and its own text meet?",
)
def positives_everywhere(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    diagonal = _in_tile(len(rows), tile).to(rows.dtype)
    return _scaled(_whole(image_features, text_features, logit_scale, rows, columns, diagonal), upstream)


@asked.misconception(
    "the pairs are subtracted once",
    says="Each half of the loss has its own −ℓ_ii; you subtract one of them.",
    asks="What do the two identities in (P_row − I) + (P_col − I) add up to?",
)
def one_identity(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    half = _eye(image_features) / 2
    return _scaled(_whole(image_features, text_features, logit_scale, rows, columns, half), upstream)


@asked.misconception(
    "a softmax of each tile by itself",
    says="You normalise within the tile, so its probabilities sum to 1 there. The saved log-sum-exps are not used.",
    asks="Over how many texts does the softmax of an image run?",
)
def own_softmax(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    cosines = image_features @ text_features.T
    rows_, columns_ = torch.zeros_like(cosines), torch.zeros_like(cosines)
    for i in range(0, len(rows), tile):
        for j in range(0, len(rows), tile):
            block = logit_scale * cosines[i : i + tile, j : j + tile]
            rows_[i : i + tile, j : j + tile] = block.softmax(dim=1)
            columns_[i : i + tile, j : j + tile] = block.softmax(dim=0)
    grad = (rows_ + columns_ - 2 * _eye(image_features)) / (2 * len(rows))
    return _scaled(_collect(image_features, text_features, logit_scale, grad, cosines), upstream)


@asked.misconception(
    "the statistics along the wrong axis",
    says="You subtract r_j where r_i belongs, and c_i where c_j belongs.",
    asks="r_i is the same along a whole row. Which shape must it have to be subtracted from [rows, columns]?",
)
def wrong_axis(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    swapped = _whole(image_features, text_features, logit_scale, columns, rows, _eye(image_features))
    return _scaled(swapped, upstream)


@asked.misconception(
    "divided by the size of the tile",
    says="Your gradients are N/tile times too large: the mean runs over the batch.",
    asks="What is N in 1/(2N)?",
)
def divided_by_tile(right: Any, rows: Tensor, tile: int, **given: Any) -> Gradients:
    return _scaled(right(rows=rows, tile=tile, **given), len(rows) / tile)


@asked.misconception(
    "not halved",
    says="Your gradients are twice as large: those of the sum of both directions.",
    asks="Where does the ½ of L = ½(L_IT + L_TI) go?",
)
def not_halved(right: Any, **given: Any) -> Gradients:
    return _scaled(right(**given), 2)


@asked.misconception(
    "the scale is missing from the features' gradients",
    says="Your features' gradients are logit_scale times too small.",
    asks="What is ∂ℓ_ij/∂I_i?",
)
def no_scale(right: Any, logit_scale: Tensor, **given: Any) -> Gradients:
    images, texts, scale = right(logit_scale=logit_scale, **given)
    return images / logit_scale, texts / logit_scale, scale


@asked.misconception(
    "the scale's gradient is weighted with logits",
    says="Your third gradient is that with respect to log(logit_scale).",
    asks="Is ∂ℓ_ij/∂logit_scale the logit or the cosine?",
)
def log_scale(right: Any, logit_scale: Tensor, **given: Any) -> Gradients:
    images, texts, scale = right(logit_scale=logit_scale, **given)
    return images, texts, scale * logit_scale


@asked.misconception(
    "the texts keep only their last tile",
    says="You write into the texts' gradient instead of adding to it: each row of tiles replaces the one before.",
    asks="How many tiles contribute to the gradient of one text?",
)
def texts_overwritten(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    given = (image_features, text_features, logit_scale, rows, columns, _eye(image_features))
    images, _, scale = _whole(*given)
    cosines = image_features @ text_features.T
    logits = logit_scale * cosines
    grad = ((logits - rows[:, None]).exp() + (logits - columns).exp() - 2 * given[-1]) / (2 * len(rows))
    last = (len(rows) - 1) // tile * tile
    texts = logit_scale * grad[last:].T @ image_features[last:]
    return _scaled((images, texts, scale), upstream)


@asked.misconception(
    "G is not transposed for the texts",
    says="Text j collects what belongs to image j.",
    asks="In which entries of G does text j appear: in a row or in a column?",
)
def not_transposed(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    cosines = image_features @ text_features.T
    logits = logit_scale * cosines
    grad = (logits - rows[:, None]).exp() + (logits - columns).exp() - 2 * _eye(image_features)
    grad = grad / (2 * len(rows))
    images, _, scale = _collect(image_features, text_features, logit_scale, grad, cosines)
    # Tile (i, j) is used where its transpose belongs, so the sizes fit only because all tiles are squares.
    return _scaled((images, logit_scale * grad @ image_features, scale), upstream)


@asked.misconception(
    "all logits at once",
    says="Your numbers are right, but you build whole N×N matrices.",
    asks="What is the largest tensor in your function?",
)
def whole(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    given = (image_features, text_features, logit_scale, rows, columns, _eye(image_features))
    return _scaled(_whole(*given), upstream)


@asked.also_correct("tiles, accumulated in place")
def in_place(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    batch, dtype = len(rows), rows.dtype
    images, texts = torch.zeros_like(image_features), torch.zeros_like(text_features)
    scale = torch.zeros((), dtype=dtype)
    for a in range(0, batch, tile):
        for b in range(0, batch, tile):
            top, left = slice(a, a + tile), slice(b, b + tile)
            cosines = image_features[top] @ text_features[left].T
            probabilities = torch.exp(logit_scale * cosines - rows[top].unsqueeze(1))
            probabilities += torch.exp(logit_scale * cosines - columns[left].unsqueeze(0))
            if a == b:
                probabilities.diagonal().sub_(2)
            probabilities *= upstream / (2 * batch)
            images[top] += probabilities @ text_features[left] * logit_scale
            texts[left] += probabilities.T @ image_features[top] * logit_scale
            scale = scale + (probabilities * cosines).sum()
    return images, texts, scale


@asked.also_correct("strips of rows, positives apart")
def strips(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    rows: Tensor,
    columns: Tensor,
    upstream: Tensor,
    tile: int,
) -> Gradients:
    images, texts = [], -text_features.new_zeros(text_features.shape)
    scale = -(image_features * text_features).sum() / len(rows)
    for part, normalisers in zip(image_features.split(tile), rows.split(tile), strict=True):
        cosines = part @ text_features.T
        logits = cosines * logit_scale
        weights = (logits - normalisers[:, None]).exp().add_((logits - columns).exp()).div_(2 * len(rows))
        images.append(weights @ text_features)
        texts = texts + weights.T @ part
        scale = scale + (weights * cosines).sum()
    factor = logit_scale * upstream
    return (
        factor * (torch.cat(images) - text_features / len(rows)),
        factor * (texts - image_features / len(rows)),
        scale * upstream,
    )
