"""Outliers and errors of single layers: of the recorded activations, and of the whole model for the study."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_activations, load_layer_weights
from course_lib.language import Llama, record_inputs


def ratio(x: Tensor) -> float:
    """The largest channel maximum over the median channel maximum: how far one channel stands out."""
    largest = x.abs().flatten(0, -2).amax(dim=0)
    return float(largest.max() / largest.median())


def outliers_of(model: Llama, tokens: Tensor) -> list[list[Any]]:
    """For each block and input: block, input, kind, channels, number of massive tokens, ratio, without firsts."""
    rows: list[list[Any]] = []
    for block in range(model.config.num_layers):
        for (_, kind), x in record_inputs(model, tokens, [block]).items():
            seen = quantization.outlier_kind(x)
            without = quantization.outlier_kind(x[:, 1:])
            positions = sorted({int(token) % x.shape[1] for token in seen.tokens})
            rows.append(
                [
                    block,
                    kind,
                    seen.kind,
                    without.kind,
                    seen.channels.tolist(),
                    len(seen.tokens),
                    positions[:8],
                    round(ratio(x), 2),
                    round(ratio(x[:, 1:]), 2),
                ]
            )
    return rows
