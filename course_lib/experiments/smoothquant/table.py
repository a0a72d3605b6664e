"""The recorded study of recipes, read: perplexities with error bars, strengths, outliers of all layers."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from course_lib.data._files import read_checked
from course_lib.experiments.smoothquant.study import ALPHAS, FLOAT
from course_lib.language import Perplexity, Ratio, perplexity_ratio

TABLE = "studies/smoothquant.json"


@lru_cache(maxsize=1)
def recorded_study() -> dict[str, Any]:
    """What scripts/study_smoothquant.py recorded: losses, strengths, outliers, versions, machine."""
    return json.loads(read_checked(TABLE))


def _lines(what: str) -> list[dict[str, Any]]:
    return [line for line in recorded_study()["runs"] if line["what"] == what]


@lru_cache(maxsize=1)
def _perplexities() -> dict[str, Perplexity]:
    found = {}
    for line in _lines("perplexity"):
        losses = torch.tensor(line["losses"], dtype=torch.float64)
        value = float(losses.mean().exp())
        error = value * float(losses.std() / len(losses) ** 0.5)
        # One column: the mean loss of each sequence, which is all that paired comparisons need.
        found[line["recipe"]] = Perplexity(value, error, losses[:, None])
    return found


class Row(NamedTuple):
    """A recipe: its perplexity, and the paired ratio to float32 with its standard error."""

    recipe: str
    perplexity: float
    ratio: float
    ratio_error: float


def recorded(*recipes: str) -> tuple[Row, ...]:
    """Rows of the recorded table, all of them or some, in the order asked for."""
    found = _perplexities()
    rows = []
    for name in recipes or tuple(found):
        change = perplexity_ratio(found[name], found[FLOAT])
        rows.append(Row(name, found[name].value, *change))
    return tuple(rows)


def float_perplexity() -> Ratio:
    """The perplexity of float32, and its standard error over stretches of the text."""
    one = _perplexities()[FLOAT]
    return Ratio(one.value, one.standard_error)


def compared(recipe: str, other: str) -> Ratio:
    """The paired ratio of two recipes' perplexities, of the first to the second."""
    return perplexity_ratio(_perplexities()[recipe], _perplexities()[other])


class Strengths(NamedTuple):
    """Searched strengths by input: the median over 30 blocks, the least and the largest."""

    inputs: tuple[str, ...]
    median: tuple[float, ...]
    least: tuple[float, ...]
    largest: tuple[float, ...]


def searched_strengths() -> Strengths:
    """The α with the least held-out output error, for each block and input."""
    chosen: dict[str, list[float]] = {}
    for _, kind, errors in _lines("alphas")[0]["errors"]:
        chosen.setdefault(kind, []).append(ALPHAS[errors.index(min(errors))])
    values = chosen.values()
    return Strengths(
        tuple(chosen),
        tuple(statistics.median(alphas) for alphas in values),
        tuple(min(alphas) for alphas in values),
        tuple(max(alphas) for alphas in values),
    )


class ModelOutliers(NamedTuple):
    """What `outlier_kind` says of all 90 inputs of the blocks, on 2,048 tokens."""

    inputs: tuple[str, ...]
    with_channels: tuple[int, ...]
    with_tokens: tuple[int, ...]
    massive: tuple[tuple[int, str, float, float, bool], ...]


def model_outliers() -> ModelOutliers:
    """Count inputs with persistent channels and with massive tokens, by kind of input (of 30 each).

    ``massive`` lists block, input, the ratio of channel maxima with and without the first tokens, and whether
    all massive tokens are first ones.
    """
    lines = _lines("outliers")[0]["layers"]
    channels = Counter(kind for _, kind, found, *_ in lines if found in ("channel", "both"))
    tokens = Counter(kind for _, kind, found, *_ in lines if found in ("token", "both"))
    inputs = ("qkv", "gate_up", "down")
    massive = [line for line in lines if line[2] in ("token", "both")]
    return ModelOutliers(
        inputs,
        tuple(channels[kind] for kind in inputs),
        tuple(tokens[kind] for kind in inputs),
        tuple((line[0], line[1], line[5], line[6], line[4] == [0]) for line in massive),
    )
