"""Weights between two codes: a pair of numbers by hand, and the image tower in training."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib import quantization
from course_lib.experiments.quantization_aware.tuning import (
    Recall,
    prepared,
    recall_with,
    renew_statistics,
    shipped,
    tune,
)

#: Steps at the end of training in which codes are recorded.
WINDOW = 50


class Between(NamedTuple):
    """One weight, drawn towards a target between two grid points, by gradient descent on ½(x̃ − t)²."""

    weight: tuple[float, ...]
    quantized: tuple[float, ...]
    share_up: float  # of the later half of the steps in which x̃ is the upper grid point
    reversals: int
    travel: float  # largest minus smallest weight, in the later half


def between(target: float = 0.3, learning_rate: float = 0.1, steps: int = 200, scale: float = 1.0) -> Between:
    """Let one weight look for a value that no code has."""
    x = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    weights, values = [], []
    for _ in range(steps):
        x_hat = quantization.fake_quantize(x, scale, 0, -4, 3)
        (gradient,) = torch.autograd.grad(0.5 * ((x_hat - target) ** 2).sum(), x)
        weights.append(float(x.detach()))
        values.append(float(x_hat.detach()))
        x = (x - learning_rate * gradient).detach().requires_grad_()
    late, late_weights = values[steps // 2 :], weights[steps // 2 :]
    upper = max(late)
    changes = [b > a for a, b in itertools.pairwise(values) if a != b]
    return Between(
        tuple(weights),
        tuple(values),
        sum(value == upper for value in late) / len(late),
        sum(a != b for a, b in itertools.pairwise(changes)),
        max(late_weights) - min(late_weights),
    )


class Restless(NamedTuple):
    """How restless the weights of the tower are at the end of training, and what it costs."""

    share: float  # of all weights that reverse their direction at least twice in the last 50 steps
    near: float  # of all weights that end within a tenth of a step of a border between two codes
    recall: Recall
    recall_with_new_statistics: Recall  # batch normalisation's, measured anew
    loss: float  # mean of the last 13 batches


def restless(
    bits: int = 3,
    steps: int = 104,
    seed: int = 0,
    learning_rate: float = 1e-3,
    schedule: str = "decay",
    window: int = WINDOW,
) -> Restless:
    """Fine-tune with rounding, and count the weights that go back and forth.

    ``schedule`` is "decay" (the rate falls to 0), "constant", or "frozen": a constant rate, but ``window``
    steps before the end every weight that oscillated in as many before is fixed at its most frequent code.
    """
    records: list[list[Tensor]] = []
    fixed: dict[int, tuple[Tensor, Tensor]] = {}

    def after_step(step: int, losses: list[float], tower: nn.Module) -> None:
        layers = _layers(tower)
        for place, (mask, codes) in fixed.items():
            with torch.no_grad():
                weight = layers[place].core.weight
                weight[mask] = (codes * _spread(layers[place]))[mask]
        if step >= steps - 2 * window:
            records.append([codes_of(layer) for layer in layers])
        if schedule == "frozen" and step == steps - window - 1:
            for place in range(len(layers)):
                record = torch.stack([codes[place] for codes in records])
                mask = quantization.oscillating(record)
                fixed[place] = mask, record.mode(dim=0).values

    tower = prepared(shipped().image_tower, bits)
    tuned = tune(
        tower.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        steps=steps,
        seed=seed,
        learning_rate=learning_rate,
        decay=schedule == "decay",
        after_step=after_step,
    )
    layers = _layers(tuned.tower)
    restless_ones, close, total = 0, 0, 0
    for place, layer in enumerate(layers):
        record = torch.stack([codes[place] for codes in records[-window:]])
        restless_ones += int(quantization.oscillating(record).sum())
        steps_of = layer.core.weight.detach() / _spread(layer)
        close += int(((steps_of - steps_of.floor() - 0.5).abs() < 0.1).sum())
        total += layer.core.weight.numel()
    recall = recall_with(tuned.tower)
    renew_statistics(tuned.tower)
    return Restless(
        restless_ones / total,
        close / total,
        recall,
        recall_with(tuned.tower),
        sum(tuned.losses[-13:]) / 13,
    )


def codes_of(layer: quantization.QATLayer) -> Tensor:
    """The codes of a layer's weight, as they stand."""
    return quantization.quantize(
        layer.core.weight.detach(), layer.weight_step(), 0, *layer.weight_codes, axis=0
    )


def _spread(layer: quantization.QATLayer) -> Tensor:
    return layer.weight_step().reshape(-1, *[1] * (layer.core.weight.ndim - 1))


def _layers(tower: nn.Module) -> list[quantization.QATLayer]:
    return [layer for layer in tower.modules() if isinstance(layer, quantization.QATLayer)]
