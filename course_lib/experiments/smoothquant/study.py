"""Perplexities of SmolLM2 in W8A8, recipe by recipe: how they are measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_prose
from course_lib.experiments.smoothquant.recipes import (
    DOWN,
    NORMS,
    Calibration,
    Recipe,
    calibrate,
    linear_at,
    quantized,
)
from course_lib.language import (
    Llama,
    Perplexity,
    Ratio,
    load_smollm2,
    load_tokenizer,
    perplexity,
    perplexity_ratio,
    record_inputs,
    sequences,
)

LENGTH = 256
TESTED, CALIBRATING, SEARCHING = 64, 32, 8
ALPHAS = tuple(i / 10 for i in range(11))
FLOAT = "float32"
#: A name for each row of the table, and what is done in it.
RECIPES: dict[str, Recipe] = {
    FLOAT: Recipe(activations="none", weights="none"),
    "W8 per channel, float activations": Recipe(activations="none", weights="channel"),
    "W8 per tensor, float activations": Recipe(activations="none"),
    "static": Recipe(),
    "static, down_proj's input float": Recipe(keep_down=True),
    "static, position 0 float": Recipe(keep_first=True),
    "static, α=.5 on the norms": Recipe(alpha=0.5),
    "static, α=.85 on the norms": Recipe(alpha=0.85),
    "static, α=.5 on the norms, position 0 float": Recipe(alpha=0.5, keep_first=True),
    "static, α=.5 on the norms and down_proj": Recipe(alpha=0.5, smooth_down=True),
    "static, α=.85 on the norms and down_proj": Recipe(alpha=0.85, smooth_down=True),
    "static, W per channel": Recipe(weights="channel"),
    "static, W per channel, α=.5 on the norms": Recipe(weights="channel", alpha=0.5),
    "static, W per channel, α=.5 on the norms and down_proj": Recipe(
        weights="channel", alpha=0.5, smooth_down=True
    ),
    "static, W per channel, α=.5 on the norms and down_proj, position 0 float": Recipe(
        weights="channel", alpha=0.5, smooth_down=True, keep_first=True
    ),
    "static, W per channel, position 0 float": Recipe(weights="channel", keep_first=True),
    "per token, W per channel": Recipe(activations="token", weights="channel"),
    "per token, W per channel, α=.5 on the norms": Recipe(activations="token", weights="channel", alpha=0.5),
    "per token, W per channel, α=.85 on the norms": Recipe(
        activations="token", weights="channel", alpha=0.85
    ),
    "per token, W per channel, α=.5 on the norms and down_proj": Recipe(
        activations="token", weights="channel", alpha=0.5, smooth_down=True
    ),
}
#: Recipes whose strengths are searched for, layer by layer; the strengths are put in where they are known.
SEARCHED: dict[str, Recipe] = {
    "static, W per channel, α searched": Recipe(weights="channel", alpha={}, smooth_down=True),
}


class Text(NamedTuple):
    """Our prose in sequences of 256 tokens: what is tested, what calibrates. They do not overlap."""

    tested: Int64[Tensor, "sequences length"]
    calibrating: Int64[Tensor, "sequences length"]


def prose() -> Text:
    """Cut the text: the first 64 sequences are tested on, the last 32 calibrate."""
    tokens = torch.as_tensor(load_tokenizer().encode(load_prose()))
    return Text(
        sequences(tokens, count=TESTED, length=LENGTH),
        sequences(tokens[-CALIBRATING * LENGTH :], count=CALIBRATING, length=LENGTH),
    )


def searched_alphas(
    model: Llama, calibrating: Int64[Tensor, "sequences length"]
) -> dict[tuple[int, str], dict[float, float]]:
    """Search α for each block and input; give the held-out output error of each α.

    The first half of 8 calibration sequences sets scales, the second half judges.
    """
    found: dict[tuple[int, str], dict[float, float]] = {}
    for block in range(model.config.num_layers):
        inputs = record_inputs(model, calibrating[:SEARCHING], [block])
        for kind, (_, readers) in {**NORMS, **DOWN}.items():
            fit, held_out = (part.flatten(0, 1).clone() for part in inputs[block, kind].chunk(2))
            weights = [linear_at(model, f"layers.{block}.{reader}").weight for reader in readers]
            errors = quantization.search_alpha(fit, held_out, weights, torch.tensor(ALPHAS)).errors
            found[block, kind] = dict(zip(ALPHAS, errors.tolist(), strict=True))
    return found


def with_strengths(recipe: Recipe, strengths: dict[tuple[int, str], float]) -> Recipe:
    """Put searched strengths into a recipe of `SEARCHED`."""
    return replace(recipe, alpha=strengths)


def measured(model: Llama, recipe: Recipe, calibration: Calibration, tokens: Tensor) -> Perplexity:
    """Put the model into W8A8 by a recipe, and measure its perplexity."""
    return perplexity(quantized(model, recipe, calibration), tokens)


class Live(NamedTuple):
    """One recipe measured here: perplexity, and its paired ratio to float32 on the same sequences."""

    name: str
    perplexity: float
    ratio: Ratio


#: What the lesson measures again where the model is there.
LIVE = (
    "static",
    "static, α=.5 on the norms",
    "per token, W per channel",
)


def live(names: tuple[str, ...] = LIVE, tested: int = 6, calibrating: int = 6) -> Iterator[Live]:
    """Measure a few recipes on a few sequences, one after another: about a minute on one core.

    Raises
    ------
    FileNotFoundError
        If SmolLM2 is not on this machine.
    """
    model, text = load_smollm2(), prose()
    tokens = text.tested[:tested]
    original = perplexity(model, tokens)
    yield Live(FLOAT, original.value, perplexity_ratio(original, original))
    calibration = calibrate(model, text.calibrating[:calibrating])
    for name in names:
        changed = measured(model, RECIPES[name], calibration, tokens)
        yield Live(name, changed.value, perplexity_ratio(changed, original))
