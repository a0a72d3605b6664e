"""Run the long studies of lesson 05 and record their table. For maintainers only: see README.md.

Every finished run is one line of RUNS, a JSON-lines file: a run that is there already is not run again, so
the script can be stopped and started at will.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from recorded_study import Line, append_run, read_runs, write_table
from rich.progress import track

from course_lib.experiments.mini_clip.gap import fixed_temperature
from course_lib.experiments.mini_clip.studies import TABLE
from course_lib.experiments.mini_clip.study import NORM_SIZE, VALIDATION, WIDTHS, study_run, tuning_run

LOSSES = ("infonce", "siglip")
BATCH_SIZES = (32, 128, 512)
SAMPLES_SEEN = 17_200  # ten times the training emoji
#: The second arm gives every size as many steps as SAMPLES_SEEN are batches of 128.
STEPS = SAMPLES_SEEN // 128
FIXED_STEPS_SIZES = (32, 512)  # 128 is in the first arm
#: Where the search for each size's learning rate starts; it widens while the best is at an end.
FIRST_RATES = {
    32: (0.001, 0.002, 0.004),
    128: (0.001, 0.002, 0.004),
    512: (0.002, 0.004, 0.008),
}
TUNING_SEED = 100
SEEDS = (0, 1, 2, 3, 4)
NOISE = (0.1, 0.3, 0.5)  # 0 is a run of the batch-size study
NOISE_BATCH_SIZE = 128
NOISE_SEEDS = (0, 1, 2)
TEMPERATURES = (0.02, 0.05, 0.1, 0.2, 0.5)
TEMPERATURE_SEEDS = (0, 1, 2)
GENERATOR = "scripts/study_mini_clip.py"

app = typer.Typer(add_completion=False, help=__doc__)


class Runs:
    """The runs of a JSON-lines file, by what was run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = read_runs(path)

    def result(self, study: str, **arguments: Any) -> Line:
        """Return the recorded run, or make and append it."""
        wanted = {"study": study, **arguments}
        for line in self.lines:
            if all(line.get(key) == value for key, value in wanted.items()):
                return line
        start = time.process_time()
        found: Line = dict(wanted)
        if study == "tuning":
            found["validation_rank"] = tuning_run(**arguments)
        elif study == "temperature":
            found |= fixed_temperature(**arguments)._asdict()
        else:
            found |= study_run(**arguments)._asdict()
        found["cpu_seconds"] = round(time.process_time() - start, 1)
        append_run(self.path, found)
        self.lines.append(found)
        return found


def tuned_rate(runs: Runs, loss: str, batch_size: int, samples_seen: int) -> float:
    """The best learning rate by validation, after widening the search until it lies inside."""
    rates = list(FIRST_RATES[batch_size])
    while True:
        scores = [
            runs.result(
                "tuning",
                loss=loss,
                batch_size=batch_size,
                samples_seen=samples_seen,
                learning_rate=rate,
                seed=TUNING_SEED,
            )["validation_rank"]
            for rate in rates
        ]
        best = int(np.argmax(scores))
        if best == 0:
            rates.insert(0, rates[0] / 2)
        elif best == len(rates) - 1:
            rates.append(rates[-1] * 2)
        else:
            return rates[best]


def planned(runs: Runs) -> Iterator[Line]:
    """What is to be run, in the order in which a stopped study is still worth most."""
    rates = {
        (loss, size): tuned_rate(runs, loss, size, SAMPLES_SEEN) for size in BATCH_SIZES for loss in LOSSES
    }
    for seed in SEEDS:
        for (loss, size), rate in rates.items():
            yield configuration("batch_size", loss, size, SAMPLES_SEEN, rate, seed)
    for seed in NOISE_SEEDS:
        for share in NOISE:
            for loss in LOSSES:
                rate = rates[loss, NOISE_BATCH_SIZE]
                yield configuration("caption_noise", loss, NOISE_BATCH_SIZE, SAMPLES_SEEN, rate, seed, share)
    for seed in TEMPERATURE_SEEDS:
        for temperature in TEMPERATURES:
            yield {"study": "temperature", "temperature": temperature, "seed": seed}
    for loss in LOSSES:
        for size in FIXED_STEPS_SIZES:
            rate = tuned_rate(runs, loss, size, STEPS * size)
            for seed in SEEDS:
                yield configuration("fixed_steps", loss, size, STEPS * size, rate, seed)


def configuration(
    study: str, loss: str, size: int, samples: int, rate: float, seed: int, corrupted: float = 0.0
) -> Line:
    """One line of the plan: the study and the arguments of `study_run`."""
    return {
        "study": study,
        "loss": loss,
        "batch_size": size,
        "samples_seen": samples,
        "learning_rate": rate,
        "corrupted": corrupted,
        "seed": seed,
    }


@app.command()
def run(runs: Annotated[Path, typer.Argument(help="JSON-lines file to append to.")]) -> None:
    """Run what is missing, in one thread: the results do not depend on how many cores there are."""
    torch.set_num_threads(1)
    kept = Runs(runs)
    total = len(LOSSES) * (
        len(BATCH_SIZES) * len(SEEDS) + len(FIXED_STEPS_SIZES) * len(SEEDS) + len(NOISE) * len(NOISE_SEEDS)
    ) + len(TEMPERATURES) * len(TEMPERATURE_SEEDS)
    for line in track(planned(kept), description="studies", total=total):
        kept.result(**line)


@app.command()
def record(
    runs: Annotated[Path, typer.Argument(help="JSON-lines file to record.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("course_lib/data"),
) -> None:
    """Write the table that ships, with versions and machine, and its checksum."""
    model = {"widths": WIDTHS, "norm_size": NORM_SIZE, "validation": VALIDATION}
    write_table(out, TABLE, GENERATOR, paired(Runs(runs).lines), model=model)


def paired(lines: list[Line]) -> list[Line]:
    """Drop what was left unfinished: runs whose other loss has no run of that seed."""

    def pair(line: Line) -> Line:
        return {key: line[key] for key in ("study", "batch_size", "corrupted", "seed")}

    kept = []
    for line in lines:
        if line["study"] in ("tuning", "temperature") or sum(
            other["study"] == line["study"] and pair(other) == pair(line) for other in lines
        ) == len(LOSSES):
            kept.append(line)
    return kept


if __name__ == "__main__":
    app()
