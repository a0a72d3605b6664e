"""In that process: load a program, have it examined, write down what came of it.

Run as ``python -m drills.judging.process EXERCISE PROGRAM RESULT``; prints nothing that anybody reads.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

WIDTH = 70  # columns of a verdict: it is shown in a terminal of 80, set in
LOADING = 10.0  # seconds that a program may take to define its functions


def main(exercise: str, program: Path, result: Path) -> None:
    """Judge the program at one path and write the result, JSON, to another."""
    from autograder import wording

    wording.WIDTH = WIDTH  # in this process, which judges nothing else
    found = judged(exercise, program)
    unfinished = result.with_suffix(".part")
    unfinished.write_text(json.dumps(found), encoding="utf-8")
    os.replace(unfinished, result)


def judged(exercise: str, program: Path) -> dict[str, Any]:
    """What `drills.judging.Judged` holds, as JSON."""
    import autograder  # late: with torch
    from autograder.exercises import load

    try:
        load(exercise)
    except (KeyError, ModuleNotFoundError):
        return _failed(f"This installation has no exercise {exercise}, so nothing can judge your program.")
    wanted = exercise.partition(".")[2]
    namespace, fault = _loaded(program, wanted)
    if fault:
        return _failed(fault)
    answer = namespace.get(wanted)
    if not callable(answer):
        defined = f"{wanted} is not callable" if wanted in namespace else f"it does not define {wanted}"
        return _failed(f"Your program is read, but {defined}: that is the name to use.")
    verdict = autograder.examine(exercise, answer)
    return {
        "passed": verdict.passed,
        "credit": verdict.credit / verdict.points if verdict.points else float(verdict.passed),
        "text": _without_hints(verdict.text),
        "misconception": verdict.misconception,
    }


def _loaded(program: Path, name: str) -> tuple[dict[str, Any], str | None]:
    import torch  # noqa: F401  # so that loading it does not count as the program's time

    from autograder.observers.deadline import OutOfTime, deadline

    namespace: dict[str, Any] = {"__name__": name, "__file__": str(program)}
    try:
        code = compile(program.read_text(encoding="utf-8"), str(program), "exec", dont_inherit=True)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), deadline(LOADING):
            exec(code, namespace)
    except OutOfTime:
        return {}, f"Your program was stopped after {LOADING:.0f} s, outside every function that is asked."
    except SystemExit:
        return {}, "Your program ends itself with exit(): it should define what is asked, and not exit."
    except BaseException as error:  # whatever it raises while it is read
        return {}, _said(error, program)
    return namespace, None


def _said(error: BaseException, program: Path) -> str:
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(program)]
    where = f", in line {lines[-1].lineno} ({lines[-1].line})" if lines else ""
    message = (str(error).splitlines() or [""])[0][:300]
    return f"Your program raises {type(error).__name__} while it is read{where}: {message}"


def _without_hints(text: str) -> str:
    """A verdict without its last label, which points to a lesson: a drill has no hints."""
    return text.rpartition("\n  SEE ")[0] or text  # to the end: a long title makes it two lines


def _failed(sentence: str) -> dict[str, Any]:
    return {"passed": False, "credit": 0.0, "text": sentence, "misconception": None}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
