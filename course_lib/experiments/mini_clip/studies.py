"""The recorded tables of the long studies, summed up: means over seeds and their standard errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from course_lib.contrastive import Loss
from course_lib.data._files import read_checked
from course_lib.experiments.mini_clip.study import Run, study_run
from course_lib.experiments.seeds import mean_and_error

TABLE = "studies/mini_clip.json"
Line = dict[str, Any]


@lru_cache(maxsize=1)
def recorded_studies() -> Line:
    """Everything that scripts/study_mini_clip.py recorded: runs, seeds, versions, machine."""
    return json.loads(read_checked(TABLE))


class Comparison(NamedTuple):
    """Both losses at every setting: mean over seeds, and the standard error of that mean.

    ``difference`` is SigLIP minus InfoNCE, of runs with the same seed, hence the same batches in the same
    order: its error is smaller than the two errors together would suggest. Errors are those of training
    again on the same emoji. That there are only 191 held-out ones adds about 3 points of uncertainty to every
    recall, but to all settings alike.
    """

    settings: tuple[float, ...]
    seeds: int
    infonce_rates: tuple[float, ...]
    siglip_rates: tuple[float, ...]
    infonce: tuple[float, ...]
    infonce_error: tuple[float, ...]
    siglip: tuple[float, ...]
    siglip_error: tuple[float, ...]
    difference: tuple[float, ...]
    difference_error: tuple[float, ...]


def batch_size_study(measure: str = "held_out_r1") -> Comparison:
    """C8, C13, C14: equally many samples seen, learning rate tuned for each loss and size.

    ``measure`` is a field of `Run`: recall of held-out or training emoji, or the learned scale.
    """
    return _compared(_lines("batch_size"), "batch_size", measure)


def fixed_steps_study(measure: str = "held_out_r1") -> Comparison:
    """The other fair comparison: equally many steps, so that larger batches see more samples.

    Steps are those of the batch of 128 in `batch_size_study`, whose runs are taken over.
    """
    return _compared(_lines("fixed_steps") + _lines("batch_size", batch_size=128), "batch_size", measure)


def caption_noise_study(measure: str = "held_out_r1") -> Comparison:
    """C2, C14: a share of the training captions belongs to another emoji; evaluation is clean."""
    noisy = _lines("caption_noise")
    seeds = {line["seed"] for line in noisy}
    clean = _lines("batch_size", batch_size=noisy[0]["batch_size"])
    return _compared(noisy + [line for line in clean if line["seed"] in seeds], "corrupted", measure)


class TemperatureStudy(NamedTuple):
    """InfoNCE with τ held fixed: mean over seeds, and standard errors."""

    temperatures: tuple[float, ...]
    seeds: int
    gap: tuple[float, ...]
    gap_error: tuple[float, ...]
    share: tuple[float, ...]
    share_error: tuple[float, ...]
    held_out_r1: tuple[float, ...]
    held_out_r1_error: tuple[float, ...]


def temperature_study() -> TemperatureStudy:
    """The modality gap, and recall, as a function of the temperature that training used."""
    by = _grouped(_lines("temperature"), lambda line: line["temperature"])
    columns = []
    for measure in ("gap", "share", "held_out_r1"):
        columns += _means([[line[measure] for line in lines] for lines in by.values()])
    return TemperatureStudy(tuple(by), min(map(len, by.values())), *columns)


class TunedRates(NamedTuple):
    """The search for a learning rate: mean reciprocal rank of validation emoji, one seed each."""

    rates: tuple[float, ...]
    validation_ranks: tuple[float, ...]
    best: float


def tuned_rates(loss: Loss = "infonce", batch_size: int = 128) -> TunedRates:
    """The learning rates tried for one loss and batch size of `batch_size_study`."""
    cell = {"loss": loss, "batch_size": batch_size}
    samples = _lines("batch_size", **cell)[0]["samples_seen"]
    lines = sorted(_lines("tuning", samples_seen=samples, **cell), key=lambda line: line["learning_rate"])
    best = max(lines, key=lambda line: line["validation_rank"])
    return TunedRates(
        tuple(line["learning_rate"] for line in lines),
        tuple(line["validation_rank"] for line in lines),
        best["learning_rate"],
    )


class Rerun(NamedTuple):
    """One run of the study, made again, beside its recorded line."""

    held_out_r1: float
    recorded_held_out_r1: float
    train_r1: float
    recorded_train_r1: float
    logit_scale: float
    recorded_logit_scale: float


def batch_size_rerun(loss: Loss = "siglip", batch_size: int = 128, seed: int = 0) -> Rerun:
    """Repeat one run of `batch_size_study`: some ten seconds."""
    return _rerun(_lines("batch_size", loss=loss, batch_size=batch_size, seed=seed)[0])


def caption_noise_rerun(loss: Loss = "siglip", corrupted: float = 0.3, seed: int = 0) -> Rerun:
    """Repeat one run of `caption_noise_study`: some ten seconds."""
    return _rerun(_lines("caption_noise", loss=loss, corrupted=corrupted, seed=seed)[0])


def _rerun(line: Line) -> Rerun:
    made = study_run(
        line["loss"],
        line["batch_size"],
        line["samples_seen"],
        line["learning_rate"],
        line["corrupted"],
        line["seed"],
    )
    pairs = [(getattr(made, name), line[name]) for name in ("held_out_r1", "train_r1", "logit_scale")]
    return Rerun(*(number for pair in pairs for number in pair))


def _lines(study: str, **wanted: Any) -> list[Line]:
    """The recorded runs of a study that have these values."""
    chosen = {"study": study, **wanted}
    return [
        line
        for line in recorded_studies()["runs"]
        if all(line.get(key) == value for key, value in chosen.items())
    ]


def _compared(lines: list[Line], setting: str, measure: str) -> Comparison:
    if measure not in Run._fields[6:]:
        raise ValueError(f"measure must be one of {', '.join(Run._fields[6:])}, got {measure!r}.")
    by = _grouped(lines, lambda line: line[setting])
    rates: dict[str, list[float]] = {}
    values: dict[str, list[list[float]]] = {}
    for loss in ("infonce", "siglip"):
        chosen = [
            sorted((line for line in group if line["loss"] == loss), key=lambda line: line["seed"])
            for group in by.values()
        ]
        rates[loss] = [group[0]["learning_rate"] for group in chosen]
        values[loss] = [[line[measure] for line in group] for group in chosen]
    differences = [
        [right - left for left, right in zip(one, other, strict=True)]
        for one, other in zip(values["infonce"], values["siglip"], strict=True)
    ]
    return Comparison(
        tuple(by),
        min(map(len, differences)),
        tuple(rates["infonce"]),
        tuple(rates["siglip"]),
        *_means(values["infonce"]),
        *_means(values["siglip"]),
        *_means(differences),
    )


def _grouped(lines: Sequence[Line], key: Callable[[Line], Any]) -> dict[Any, list[Line]]:
    groups: dict[Hashable, list[Line]] = {}
    for line in sorted(lines, key=key):
        groups.setdefault(key(line), []).append(line)
    return groups


def _means(groups: list[list[float]]) -> list[tuple[float, ...]]:
    """Means, and standard errors of the means."""
    return list(zip(*map(mean_and_error, groups), strict=True))
