"""Hand a program to another process, and read what came of it.

The program is the learner's own, so this guards against accidents (a loop that does not end, ``exit()``, a
flood of output), not against attacks. It needs neither fork nor signals.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 100  # characters of a line that are shown
SECONDS = 60.0  # for everything: starting Python, loading torch, all cases
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Judged:
    """What a program earned, and what its author reads.

    Parameters
    ----------
    passed : bool
    credit : float
        From 0 to 1.
    text : str
        A verdict as a check in a lesson prints it, or one sentence.
    misconception : str or None
        The mistake that was recognised, if one was.
    """

    passed: bool
    credit: float
    text: str
    misconception: str | None = None


def judge(exercise: str, program: str, *, seconds: float = SECONDS) -> Judged:
    """Judge a program as the exercise is judged.

    Parameters
    ----------
    exercise : str
        Its id; what stands after the dot is what the program has to define.
    program : str
        Its text.
    seconds : float
        After which the process is stopped.
    """
    if fault := _not_python(program):
        return _failed(fault)
    with tempfile.TemporaryDirectory(prefix="course-drill-", ignore_cleanup_errors=True) as folder:
        answer, result = Path(folder, "your_program.py"), Path(folder, "result.json")
        answer.write_text(program, encoding="utf-8")
        try:
            status = _run([exercise, str(answer), str(result)], folder, seconds)
        except subprocess.TimeoutExpired:
            return _failed(f"Your program was stopped after {seconds:.0f} s: does every loop in it end?")
        except OSError as error:
            return _failed(f"Your program could not be run: {error.strerror or error}.")
        return _read(result, status)


def _run(arguments: list[str], folder: str, seconds: float) -> int:
    paths = [str(_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "drills.judging.process", *arguments],
        cwd=folder,  # what the program writes goes away with it
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # however much it prints
        stderr=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
    )
    return done.returncode


def _read(result: Path, status: int) -> Judged:
    try:
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _failed(
            f"Your program ended its process (status {status}) before it was judged: "
            "it should define what is asked, and not exit."
        )
    return Judged(found["passed"], found["credit"], found["text"], found["misconception"])


def _failed(sentence: str) -> Judged:
    return Judged(False, 0.0, sentence)


def _not_python(program: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string is for the learner's own editor to tell
            ast.parse(program)
    except SyntaxError as error:
        where = f"Line {error.lineno}" if error.lineno else "It"
        line = (error.text or "").strip()[:LONGEST]
        return f"{where} is not Python: {error.msg}." + (f"\n  {line}" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"This cannot be read as Python: {error or type(error).__name__}."
    return None
