"""Run the study of lesson 07, of MiniLM on few bits, and record it. For maintainers only: see README.md.

It needs MiniLM (``course fetch minilm``). Every finished run is one line of RUNS, a JSON-lines file: one that
is there already is not run again, so the script can be stopped and started at will.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from study_mini_clip import machine

from course_lib.data import minilm_missing
from course_lib.data._files import CHECKSUMS
from course_lib.experiments.gptq_awq import recorded

GENERATOR = "scripts/study_minilm.py"

Line = dict[str, Any]
app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def run(runs: Annotated[Path, typer.Argument(help="JSON-lines file to append to.")]) -> None:
    """Run what is missing, in one thread."""
    if reason := minilm_missing():
        typer.echo(reason, err=True)
        raise typer.Exit(1)
    torch.set_num_threads(1)
    there = read(runs)
    for line in recorded.planned():
        if any(line.items() <= done.items() for done in there):
            continue
        start = time.process_time()
        found = recorded.run(**line)
        finished = line | found | {"cpu_seconds": round(time.process_time() - start, 1)}
        with runs.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finished) + "\n")


@app.command()
def record(
    runs: Annotated[Path, typer.Argument(help="JSON-lines file to record.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("course_lib/data"),
) -> None:
    """Write the table that ships, with versions and machine, and its checksum."""
    table = {
        "generator": GENERATOR,
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "machine": machine(),
        "threads": 1,
    }
    lines = ",\n".join(json.dumps(line) for line in in_order(read(runs)))
    text = json.dumps(table, indent=1)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'
    path = out / recorded.TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    checksums = json.loads((out / CHECKSUMS).read_text(encoding="utf-8"))
    checksums[recorded.TABLE] = hashlib.sha256(text.encode()).hexdigest()
    (out / CHECKSUMS).write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")


def in_order(lines: list[Line]) -> list[Line]:
    """Runs as they are planned; a plan that is not finished is not recorded."""
    ordered = []
    for line in recorded.planned():
        done = [one for one in lines if line.items() <= one.items()]
        if not done:
            raise typer.BadParameter(f"the run {line} is missing: run the study to its end first")
        ordered.append(done[0])
    return ordered


def read(path: Path) -> list[Line]:
    """Return the lines that are there already."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


if __name__ == "__main__":
    app()
