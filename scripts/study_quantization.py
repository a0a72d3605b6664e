"""Run the long studies of lesson 08 and record their table. For maintainers only: see README.md.

Every finished run is one line of RUNS, a JSON-lines file: a run that is there already is not run again, so
the script can be stopped and started at will.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer
from recorded_study import Line, append_run, read_runs, write_table
from rich.progress import track

from course_lib.experiments.quantization_aware.oscillation import restless
from course_lib.experiments.quantization_aware.studies import TABLE
from course_lib.experiments.quantization_aware.study import (
    LEARNING_RATE,
    SGD_RATE,
    SHORT,
    STEPS,
    arm_run,
    float_rate_run,
    gradient_run,
)

SEEDS = (0, 1, 2, 3, 4)
FEW_SEEDS = (0, 1, 2)
BITS = {"float": (32, 8, 4, 3, 2), "qat": (8, 4, 3, 2), "lsq": (4, 3, 2)}
SCHEDULES = ("decay", "constant", "frozen")
GENERATOR = "scripts/study_quantization.py"

app = typer.Typer(add_completion=False, help=__doc__)


def planned() -> Iterator[Line]:
    """What is to be run, in the order in which a stopped study is still worth most."""
    for seed in SEEDS:
        for arm, every in BITS.items():
            for bits in every:
                yield {"study": "arms", "arm": arm, "bits": bits, "seed": seed}
        if seed in FEW_SEEDS:
            for bits in (3, 2):
                for optimizer in ("adam", "sgd"):
                    for gradient in ("meant", "literal"):
                        cell = {"gradient": gradient, "optimizer": optimizer, "bits": bits}
                        yield {"study": "gradient", **cell, "seed": seed}
            for schedule in SCHEDULES:
                yield {"study": "oscillation", "schedule": schedule, "seed": seed}
            for schedule in SCHEDULES[:2]:
                yield {"study": "float_rate", "schedule": schedule, "seed": seed}


def run_line(line: Line) -> Line:
    """Make one run; the line with its results and its processor time."""
    arguments = {key: value for key, value in line.items() if key != "study"}
    start = time.process_time()
    if line["study"] == "arms":
        found = arm_run(**arguments)._asdict()
    elif line["study"] == "gradient":
        found = gradient_run(**arguments)._asdict()
    elif line["study"] == "float_rate":
        found = float_rate_run(**arguments)._asdict()
    else:
        one = restless(**arguments)
        found = {
            "share": one.share,
            "near": one.near,
            "seen": one.recall.seen,
            "seen_with_new_statistics": one.recall_with_new_statistics.seen,
            "loss": one.loss,
        }
    return {**line, **found, "cpu_seconds": round(time.process_time() - start, 1)}


def complete(lines: list[Line]) -> list[Line]:
    """Put runs into the plan's order, and drop seeds for which a study has not run everything."""
    plan = list(planned())
    made = [next((line for line in lines if wanted.items() <= line.items()), None) for wanted in plan]
    missing = {
        (wanted["study"], wanted["seed"]) for wanted, line in zip(plan, made, strict=True) if line is None
    }
    return [line for line in made if line is not None and (line["study"], line["seed"]) not in missing]


@app.command()
def run(runs: Annotated[Path, typer.Argument(help="JSON-lines file to append to.")]) -> None:
    """Run what is missing, in one thread: the results do not depend on how many cores there are."""
    torch.set_num_threads(1)
    done = read_runs(runs)
    for line in track(list(planned()), description="studies"):
        if any(line.items() <= other.items() for other in done):
            continue
        append_run(runs, run_line(line))


@app.command()
def record(
    runs: Annotated[Path, typer.Argument(help="JSON-lines file to record.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("course_lib/data"),
) -> None:
    """Write the table that ships, with versions and machine, and its checksum."""
    settings = {
        "steps": STEPS,
        "learning_rate": LEARNING_RATE,
        "short_steps": SHORT,
        "sgd_rate": SGD_RATE,
    }
    write_table(out, TABLE, GENERATOR, complete(read_runs(runs)), settings=settings)


if __name__ == "__main__":
    app()
