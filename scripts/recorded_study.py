"""What the study scripts share: a JSON-lines file of finished runs, and the table that ships."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib.data._files import CHECKSUMS

#: One finished run: what was run, and what came of it.
Line = dict[str, Any]


def read_runs(path: Path) -> list[Line]:
    """The runs that are there already; none if there is no file yet."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def append_run(path: Path, line: Line) -> None:
    """Keep a finished run: a script that is stopped later loses nothing."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def write_table(out: Path, table: str, generator: str, runs: list[Line], **described: Any) -> None:
    """Write the table that ships, with versions and machine, one run a line, and its checksum.

    Parameters
    ----------
    out : Path
        The data folder, with checksums.json in it.
    table : str
        The file's path below that folder.
    generator : str
        The script that made the runs.
    runs : list of dict
    **described
        What else a reader has to know: settings, sizes.
    """
    head = {
        "generator": generator,
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "machine": machine(),
        "threads": 1,
        **described,
    }
    lines = ",\n".join(json.dumps(line) for line in runs)
    text = json.dumps(head, indent=1)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'
    path = out / table
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    checksums = json.loads((out / CHECKSUMS).read_text(encoding="utf-8"))
    checksums[table] = hashlib.sha256(text.encode()).hexdigest()
    (out / CHECKSUMS).write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """The processor, without names of hosts: floating-point results can differ between processors."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return {
        "architecture": platform.machine(),
        "processor": fields.get("model name", platform.processor()),
        "family": fields.get("cpu family"),
        "model": fields.get("model"),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
    }
