"""Spot the bugs: recall at 1 of a large batch, tile by tile."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise
from autograder.exercises.ingredients import pairs
from course_lib.experiments.large_batches import recall_with_three_bugs


def _tiles(batch: int, tile: int, dim: int = 2) -> CaseSpec:
    whole = pairs(batch, dim, 1.0)

    def make(rng: Generator) -> dict[str, Any]:
        inputs = dict(whole.make(rng))
        del inputs["logit_scale"]
        return {**inputs, "tile": tile}

    return CaseSpec(f"{batch} pairs in tiles of {tile}", make)


def tiled_recall(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    """The share of images whose own text is more similar than every other one, without the N×N matrix."""
    positives = (image_features * text_features).sum(dim=1)
    best = torch.full_like(positives, -torch.inf)
    for start in range(0, len(text_features), tile):
        block = image_features @ text_features[start : start + tile].T
        rows = torch.arange(start, start + block.shape[1])
        block[rows, rows - start] = -torch.inf  # the own text is no rival
        best = torch.maximum(best, block.amax(dim=1))
    return (positives > best).to(positives.dtype).mean()


def _variant(
    image_features: Tensor, text_features: Tensor, tile: int, *, offset: bool, merge: bool, last: bool
) -> Tensor:
    """The function as printed, with some of its three bugs mended."""
    batch = len(text_features)
    positives = torch.zeros_like(image_features[:, 0])
    best = torch.full_like(positives, -torch.inf)
    end = batch if last else max(batch - tile + 1, 1)
    for start in range(0, end, tile):
        block = image_features @ text_features[start : start + tile].T
        for column in range(block.shape[1]):
            row = start + column if offset else column
            positives[row] = block[row, column]
            block[row, column] = -torch.inf
        here = block.amax(dim=1)
        best = torch.maximum(best, here) if merge else here
    return (positives > best).to(positives.dtype).mean()


asked = Exercise(
    "large_batches.tiled_recall",
    title="Spot the bugs",
    minutes=8,
    skills=["code review", "tiling", "retrieval"],
    reference=tiled_recall,
    outputs=["recall"],
    groups={"value": 2},
    cases=[_tiles(5, 2), _tiles(9, 2), _tiles(8, 3), _tiles(9, 4, 3), _tiles(7, 3), _tiles(9, 5, 3)],
    exact=True,
    stretch=True,
    hints=[
        "Its author tried tile = N, where it is right. What is special about a single tile?",
        "One is in where a tile's pairs stand, one in what happens to the best rival of earlier tiles, one in where the "
        "loop ends.",
        "Row start + k meets its own text in column k of the tile; best has to be the larger of before and now; and "
        "range(0, N, tile) includes the short tile.",
    ],
    follow_up="Which single test input would have shown all three?",
)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="Try a batch of two tiles: in which rows of the second tile do its pairs stand?",
)
def as_printed(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    return recall_with_three_bugs(image_features, text_features, tile)


@asked.misconception(
    "the pairs are still sought in the first rows",
    says="Two of the bugs are gone; every tile still takes its pairs from rows 0, 1, 2, ...",
    asks="Which image belongs to the first text of the second tile?",
)
def offset_left(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    return _variant(image_features, text_features, tile, offset=False, merge=True, last=True)


@asked.misconception(
    "the best rival of earlier tiles is still forgotten",
    says="Two of the bugs are gone; `best` still holds the rivals of the last tile only.",
    asks="What becomes of the best rival of the first tile when the second one comes?",
)
def merge_left(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    return _variant(image_features, text_features, tile, offset=True, merge=False, last=True)


@asked.misconception(
    "the short last tile is still dropped",
    says="Two of the bugs are gone; texts beyond the last whole tile are still never looked at.",
    asks="Where does the range end when the tile does not divide N?",
)
def last_left(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    return _variant(image_features, text_features, tile, offset=True, merge=True, last=False)


@asked.also_correct("strips of images")
def strips(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    found = []
    for start in range(0, len(image_features), tile):
        block = image_features[start : start + tile] @ text_features.T
        own = block.diagonal(start)[:, None]
        found.append((block >= own).sum(dim=1) == 1)
    return torch.cat(found).double().mean()


@asked.also_correct("the nearest text's index")
def nearest(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    values, places = [], []
    for start in range(0, len(text_features), tile):
        value, place = (image_features @ text_features[start : start + tile].T).max(dim=1)
        values.append(value)
        places.append(place + start)
    tiles = torch.stack(values).argmax(dim=0, keepdim=True)
    index = torch.stack(places).gather(0, tiles)[0]
    return index.eq(torch.arange(len(index))).double().mean()
