"""Ranges from calibration data: what each observer picks, and what that costs on data it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_activations, load_layer_weights
from course_lib.experiments.threads import on_threads

#: Real inputs of linear layers: a name, the layer, and which of its inputs.
RECORDED = {
    "ordinary (layer 4, gate)": (4, "gate_up"),
    "a loud channel (layer 12, qkv)": (12, "qkv"),
    "a massive token (layer 11, down)": (11, "down"),
}


@lru_cache(maxsize=1)
@on_threads(1)
def calibration_data(size: int = 64_000, batches: int = 8, seed: int = 0) -> dict[str, Tensor]:
    """Values in batches, [batches, values], synthetic and recorded: the first half is for calibration."""
    draw = torch.Generator().manual_seed(seed)
    bell = torch.randn(batches, size // batches, generator=draw, dtype=torch.float64)
    chi = torch.randn(3, batches, size // batches, generator=draw, dtype=torch.float64).square().mean(0)
    other = torch.randn(batches, size // batches, generator=draw, dtype=torch.float64)
    data = {
        "bell curve": bell,
        "skewed (after a GELU)": torch.nn.functional.gelu(2 * bell),
        "heavy tails (Student's t)": other / chi.sqrt(),
    }
    recorded = load_activations()
    for name, (layer, kind) in RECORDED.items():
        data[name] = torch.from_numpy(recorded.inputs(layer, kind)).double().flatten(1)  # type: ignore[arg-type]
    return data


def observers(bits: int, percentile: float = 99.9) -> dict[str, quantization.Observer]:
    """Make one observer of each kind."""
    codes = quantization.code_range(bits)
    return {
        "MinMax": quantization.MinMax(*codes),
        "MovingAverage": quantization.MovingAverage(*codes),
        "Percentile": quantization.Percentile(*codes, percentile=percentile),
        "Histogram": quantization.Histogram(*codes),
        "Entropy": quantization.Entropy(*codes),
    }


class Calibrated(NamedTuple):
    """Signal to noise on unseen batches, in dB, by data and by observer."""

    bits: int
    data: tuple[str, ...]
    observers: tuple[str, ...]
    sqnr: tuple[tuple[float, ...], ...]
    worst_loss: tuple[float, ...]

    @property
    def flat(self) -> tuple[float, ...]:
        """All of `sqnr` in a row, by data."""
        return tuple(db for row in self.sqnr for db in row)


@on_threads(1)
def calibrated(bits: int = 8, percentile: float = 99.9) -> Calibrated:
    """Let every observer watch the first half of each data set, and quantize the second.

    ``worst_loss`` says by how many dB each observer is behind the best one, where it is farthest behind.
    """
    names = tuple(observers(bits, percentile))
    rows = []
    for values in calibration_data().values():
        half = len(values) // 2
        row = []
        for observer in observers(bits, percentile).values():
            for batch in values[:half]:
                observer.observe(batch)
            row.append(_db(values[half:], observer, bits))
        rows.append(tuple(row))
    behind = [tuple(max(row) - db for db in row) for row in rows]
    return Calibrated(
        bits,
        tuple(calibration_data()),
        names,
        tuple(rows),
        tuple(max(column) for column in zip(*behind, strict=True)),
    )


def _db(x: Tensor, observer: quantization.Observer, bits: int) -> float:
    return float(quantization.sqnr_db(x, _through(x, observer, bits)))


def _through(x: Tensor, observer: quantization.Observer, bits: int) -> Tensor:
    scale, zero_point = observer.qparams()
    return quantization.fake_quantize(x, float(scale), int(zero_point), *quantization.code_range(bits))


class MassiveToken(NamedTuple):
    """An int8 input of layer 11's down_proj, and its output: signal to noise in dB.

    Attributes
    ----------
    observers : tuple of str
        The last one is none: each token has a scale of its own, found as it comes.
    limit : tuple of float
        The farther end of the range.
    first, others : tuple of float
        Of the layer's output, for the first token of each sequence, and for all others.
    overall : tuple of float
        For all tokens together.
    largest_first, largest_others : float
        Largest magnitudes at the first token and at all others.
    """

    observers: tuple[str, ...]
    limit: tuple[float, ...]
    first: tuple[float, ...]
    others: tuple[float, ...]
    overall: tuple[float, ...]
    largest_first: float
    largest_others: float


@on_threads(1)
def massive_token(bits: int = 8) -> MassiveToken:
    """Calibrate on half of the recorded sequences, with and without their first token; test on the others."""
    x = torch.from_numpy(load_activations().inputs(11, "down")).double()
    weight = torch.from_numpy(load_layer_weights()[11, "down_proj"].copy()).double()
    seen, unseen = x[: len(x) // 2], x[len(x) // 2 :]
    watched: Mapping[str, tuple[quantization.Observer, Tensor]] = {
        **{name: (observer, seen) for name, observer in observers(bits).items()},
        "MinMax, without first tokens": (observers(bits)["MinMax"], seen[:, 1:]),
    }
    exact = unseen @ weight.T
    limits, first, others, overall = [], [], [], []
    for observer, batches in watched.values():
        for batch in batches:
            observer.observe(batch)
        limits.append(max(abs(float(end)) for end in observer.range()))
    quantized = [_through(unseen, observer, bits) for observer, _ in watched.values()]
    quantized.append(_each_token(unseen, bits))
    for values in quantized:
        got = values @ weight.T
        first.append(float(quantization.sqnr_db(exact[:, :1], got[:, :1])))
        others.append(float(quantization.sqnr_db(exact[:, 1:], got[:, 1:])))
        overall.append(float(quantization.sqnr_db(exact, got)))
    return MassiveToken(
        (*watched, "a scale for each token"),
        (*limits, float("nan")),
        tuple(first),
        tuple(others),
        tuple(overall),
        float(x[:, 0].abs().max()),
        float(x[:, 1:].abs().max()),
    )


def _each_token(x: Tensor, bits: int) -> Tensor:
    rows = x.flatten(0, 1)
    found = quantization.quantize_per_channel(rows, *quantization.code_range(bits), 0)
    return quantization.dequantize(*found, axis=0).reshape(x.shape)


class Unseen(NamedTuple):
    """How much of what comes lies outside of the range that calibration saw."""

    batches: tuple[int, ...]
    outside: tuple[float, ...]
    range: tuple[float, ...]


@on_threads(1)
def unseen(counts: Sequence[int] = (1, 2, 4, 8, 16, 32, 64), size: int = 1000, seed: int = 0) -> Unseen:
    """Watch ever more heavy-tailed batches with MinMax; count what lies outside later, per million."""
    draw = torch.Generator().manual_seed(seed)

    def values(rows: int) -> Tensor:
        chi = torch.randn(3, rows, size, generator=draw, dtype=torch.float64).square().mean(0)
        return torch.randn(rows, size, generator=draw, dtype=torch.float64) / chi.sqrt()

    later, before = values(1000), values(max(counts))
    outside, ranges = [], []
    observer = quantization.MinMax()
    for number, batch in enumerate(before, start=1):
        observer.observe(batch)
        if number in counts:
            low, high = observer.range()
            outside.append(1e6 * float(((later < low) | (later > high)).double().mean()))
            ranges.append(float(high - low))
    return Unseen(tuple(counts), tuple(outside), tuple(ranges))
