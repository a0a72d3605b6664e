"""Run the perplexity study of lesson 09 and record its table. For maintainers only: see README.md.

It needs SmolLM2 (``course fetch smollm2``). Every finished recipe is one line of RUNS, a JSON-lines file: one
that is there already is not run again, so the script can be stopped and started at will.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from recorded_study import Line, append_run, read_runs, write_table

from course_lib.experiments.smoothquant import study
from course_lib.experiments.smoothquant.layers import outliers_of
from course_lib.experiments.smoothquant.recipes import calibrate
from course_lib.experiments.smoothquant.table import TABLE
from course_lib.language import load_smollm2

GENERATOR = "scripts/study_smoothquant.py"

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def run(runs: Annotated[Path, typer.Argument(help="JSON-lines file to append to.")]) -> None:
    """Run what is missing, in one thread."""
    torch.set_num_threads(1)
    lines = read_runs(runs)
    model, text = load_smollm2(), study.prose()

    def keep(what: str, start: float, **found: Any) -> None:
        line = {"what": what, **found, "cpu_seconds": round(time.process_time() - start, 1)}
        append_run(runs, line)
        lines.append(line)

    if not any(line["what"] == "outliers" for line in lines):
        start = time.process_time()
        keep("outliers", start, layers=outliers_of(model, text.calibrating[: study.SEARCHING]))
    if not any(line["what"] == "alphas" for line in lines):
        start = time.process_time()
        found = study.searched_alphas(model, text.calibrating)
        keep("alphas", start, errors=[[*key, list(errors.values())] for key, errors in found.items()])
    searched = next(line for line in lines if line["what"] == "alphas")["errors"]
    strengths = {(block, kind): study.ALPHAS[int(np.argmin(errors))] for block, kind, errors in searched}
    calibration = calibrate(model, text.calibrating)
    recipes = study.RECIPES | {
        name: study.with_strengths(one, strengths) for name, one in study.SEARCHED.items()
    }
    for name, recipe in recipes.items():
        if any(line.get("recipe") == name for line in lines):
            continue
        start = time.process_time()
        seen = study.measured(model, recipe, calibration, text.tested)
        losses = [round(value, 6) for value in seen.token_losses.double().mean(dim=1).tolist()]
        keep("perplexity", start, recipe=name, losses=losses)


@app.command()
def record(
    runs: Annotated[Path, typer.Argument(help="JSON-lines file to record.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("course_lib/data"),
) -> None:
    """Write the table that ships, with versions and machine, and its checksum."""
    text = {"tested": study.TESTED, "calibrating": study.CALIBRATING, "length": study.LENGTH}
    write_table(out, TABLE, GENERATOR, in_order(read_runs(runs)), text=text)


def in_order(lines: list[Line]) -> list[Line]:
    """Outliers and strengths first, then the recipes as they are declared."""
    names = [*study.RECIPES, *study.SEARCHED]
    return sorted(lines, key=lambda line: names.index(line["recipe"]) if "recipe" in line else -1)


if __name__ == "__main__":
    app()
