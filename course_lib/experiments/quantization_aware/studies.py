"""The recorded runs of lesson 08, summed up: means over seeds and their standard errors."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

from course_lib.data._files import read_checked
from course_lib.experiments.quantization_aware.study import Run, arm_run
from course_lib.experiments.seeds import mean_and_error

TABLE = "studies/quantization_aware.json"
Line = dict[str, Any]


@lru_cache(maxsize=1)
def recorded_studies() -> Line:
    """Everything that scripts/study_quantization.py recorded: runs, seeds, settings, versions, machine."""
    return json.loads(read_checked(TABLE))


class Arms(NamedTuple):
    """Recall at 1 of the integer model: mean over seeds, and the standard error of that mean.

    ``gain`` is training with rounding minus training without, of runs with the same seed, hence the same
    batches: its error is smaller than the two errors together would suggest.
    """

    bits: tuple[int, ...]
    seeds: int
    trained_float: float  # fine-tuned, and not quantized
    trained_float_error: float
    float_then_quantized: tuple[float, ...]
    float_then_quantized_error: tuple[float, ...]
    aware: tuple[float, ...]
    aware_error: tuple[float, ...]
    gain: tuple[float, ...]
    gain_error: tuple[float, ...]


def arms_study(measure: str = "seen", arm: str = "qat") -> Arms:
    """Fine-tuning without rounding and then quantizing, against fine-tuning with rounding ("qat" or "lsq").

    ``measure`` is a field of `Run`: "seen", "other_vendor" or "held_out", also with "_renewed", or "loss".
    """
    bits = sorted({line["bits"] for line in _lines("arms", arm=arm)}, reverse=True)
    control = [_values("arms", measure, arm="float", bits=b) for b in bits]
    aware = [_values("arms", measure, arm=arm, bits=b) for b in bits]
    gains = [[a - c for a, c in zip(one, two, strict=True)] for one, two in zip(aware, control, strict=True)]
    full = mean_and_error(_values("arms", measure, arm="float", bits=32))
    return Arms(
        tuple(bits), min(map(len, aware)), *full, *_columns(control), *_columns(aware), *_columns(gains)
    )


class Gradients(NamedTuple):
    """Training with the gradient as meant and as printed: recall at 1 of seen emoji, and the loss."""

    optimizers: tuple[str, ...]
    seeds: int
    meant: tuple[float, ...]
    meant_error: tuple[float, ...]
    literal: tuple[float, ...]
    literal_error: tuple[float, ...]
    meant_loss: tuple[float, ...]
    literal_loss: tuple[float, ...]


def gradient_study(bits: int = 3) -> Gradients:
    """What the printed formula does to the training of the image tower."""
    optimizers = ("sgd", "adam")
    rows = {
        (gradient, measure): [
            _values("gradient", measure, gradient=gradient, optimizer=optimizer, bits=bits)
            for optimizer in optimizers
        ]
        for gradient in ("meant", "literal")
        for measure in ("seen", "loss")
    }
    return Gradients(
        optimizers,
        len(rows["meant", "seen"][0]),
        *_columns(rows["meant", "seen"]),
        *_columns(rows["literal", "seen"]),
        _columns(rows["meant", "loss"])[0],
        _columns(rows["literal", "loss"])[0],
    )


class Oscillation(NamedTuple):
    """Weights that go back and forth at the end of training on 3 bits, and recall at 1 of seen emoji."""

    schedules: tuple[str, ...]
    seeds: int
    share: tuple[float, ...]
    share_error: tuple[float, ...]
    near: tuple[float, ...]
    near_error: tuple[float, ...]
    recall: tuple[float, ...]
    recall_error: tuple[float, ...]
    renewed: tuple[float, ...]  # after batch normalisation's statistics were measured anew
    renewed_error: tuple[float, ...]


def oscillation_study() -> Oscillation:
    """A rate that falls to 0, a constant one, and a constant one with oscillating weights frozen."""
    schedules = ("decay", "constant", "frozen")
    columns: list[tuple[float, ...]] = []
    for measure in ("share", "near", "seen", "seen_with_new_statistics"):
        columns += _columns([_values("oscillation", measure, schedule=one) for one in schedules])
    seeds = len(_values("oscillation", "share", schedule="decay"))
    return Oscillation(schedules, seeds, *columns)


class FloatRate(NamedTuple):
    """The control of `oscillation_study`: the same steps in floating point, recall at 1 of seen emoji."""

    schedules: tuple[str, ...]
    seeds: int
    recall: tuple[float, ...]
    recall_error: tuple[float, ...]
    renewed: tuple[float, ...]
    renewed_error: tuple[float, ...]


def float_rate_study() -> FloatRate:
    """What a constant rate costs where nothing is rounded."""
    schedules = ("decay", "constant")
    columns: list[tuple[float, ...]] = []
    for measure in ("seen", "seen_renewed"):
        columns += _columns([_values("float_rate", measure, schedule=one) for one in schedules])
    return FloatRate(schedules, len(_values("float_rate", "seen", schedule="decay")), *columns)


class Rerun(NamedTuple):
    """One run of the study, made again, beside its recorded line."""

    seen: float
    recorded_seen: float
    loss: float
    recorded_loss: float


def arms_rerun(arm: str = "qat", bits: int = 3, seed: int = 0) -> Rerun:
    """Repeat one run of `arms_study`: half a minute."""
    (line,) = _lines("arms", arm=arm, bits=bits, seed=seed)
    made: Run = arm_run(arm, bits, seed)
    return Rerun(made.seen, line["seen"], made.loss, line["loss"])


def _lines(study: str, **wanted: Any) -> list[Line]:
    chosen = {"study": study, **wanted}
    return [line for line in recorded_studies()["runs"] if chosen.items() <= line.items()]


def _values(study: str, measure: str, **wanted: Any) -> list[float]:
    return [line[measure] for line in sorted(_lines(study, **wanted), key=lambda line: line["seed"])]


def _columns(groups: list[list[float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    pairs = [mean_and_error(group) for group in groups]
    return tuple(mean for mean, _ in pairs), tuple(error for _, error in pairs)
