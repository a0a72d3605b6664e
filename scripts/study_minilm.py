"""Run the study of lesson 07, of MiniLM on few bits, and record it. For maintainers only: see README.md.

It needs MiniLM (``course fetch minilm``). Every finished run is one line of RUNS, a JSON-lines file: one that
is there already is not run again, so the script can be stopped and started at will.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from recorded_study import Line, append_run, read_runs, write_table

from course_lib.data import minilm_missing
from course_lib.experiments.gptq_awq import recorded

GENERATOR = "scripts/study_minilm.py"

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def run(runs: Annotated[Path, typer.Argument(help="JSON-lines file to append to.")]) -> None:
    """Run what is missing, in one thread."""
    if reason := minilm_missing():
        typer.echo(reason, err=True)
        raise typer.Exit(1)
    torch.set_num_threads(1)
    there = read_runs(runs)
    for line in recorded.planned():
        if any(line.items() <= done.items() for done in there):
            continue
        start = time.process_time()
        found = recorded.run(**line)
        append_run(runs, line | found | {"cpu_seconds": round(time.process_time() - start, 1)})


@app.command()
def record(
    runs: Annotated[Path, typer.Argument(help="JSON-lines file to record.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("course_lib/data"),
) -> None:
    """Write the table that ships, with versions and machine, and its checksum."""
    write_table(out, recorded.TABLE, GENERATOR, in_order(read_runs(runs)))


def in_order(lines: list[Line]) -> list[Line]:
    """Runs as they are planned; a plan that is not finished is not recorded."""
    ordered = []
    for line in recorded.planned():
        done = [one for one in lines if line.items() <= one.items()]
        if not done:
            raise typer.BadParameter(f"the run {line} is missing: run the study to its end first")
        ordered.append(done[0])
    return ordered


if __name__ == "__main__":
    app()
