"""Run a learner's code and catch everything that it does: errors, warnings, output, calls."""

from __future__ import annotations

import contextlib
import io
import linecache
import math
import os
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograder.observation import MAX_PRINTED, Observation
from autograder.observers.arrays import NotAnArray, to_numpy
from autograder.observers.deadline import OutOfTime, deadline
from autograder.observers.surroundings import fixed_surroundings

MAX_INTERMEDIATE = 4096  # entries of a local variable that are worth carrying
MAX_WARNINGS = 5  # that are kept
MAX_MESSAGE = 300  # characters of an exception's message that are kept
_ROOT = Path(__file__).parents[2]
_NOT_THE_LEARNERS = tuple(
    f"{path}{os.sep}"
    for path in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platlib", "purelib")),
        _ROOT / "autograder",
        _ROOT / "course_lib",  # its lines may be what the learner is asked to write
    }
)


@contextlib.contextmanager
def captured(
    observation: Observation,
    answer: Callable[..., Any],
    seconds: float | None,
    watch: tuple[str, ...] = (),
    *,
    inside: bool = False,
) -> Iterator[None]:
    """Run the block with its errors, warnings, output and watched calls noted in `observation`.

    KeyboardInterrupt alone passes through, so that a learner can always stop a check. With
    `inside`, the answer's local arrays are noted as well when it returns.
    """
    printed = _Beginning()
    code = getattr(answer, "__code__", None)
    with (
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        fixed_surroundings(),
    ):
        warnings.simplefilter("default")  # each once, not "always": a loop may give a million
        try:
            with deadline(seconds), _profiled(observation, code if inside else None, watch):
                yield
        except KeyboardInterrupt:
            raise
        except OutOfTime:
            observation.error = {"kind": "slow", "limit": seconds}
        except NotImplementedError as error:
            raised = _raised(error, code)
            observation.error = raised | ({"kind": "unattempted"} if _is_stub(raised) else {})
        except NotAnArray as error:
            observation.error = {"kind": "type", "got": str(error), "output": error.output}
        except BaseException as error:  # SystemExit and the like are mistakes here, not requests
            observation.error = _raised(error, code)
    observation.printed = printed.text
    observation.warnings = [
        f"{one.category.__name__}: {_first_line(one.message)}" for one in caught[:MAX_WARNINGS]
    ]


class _Beginning(io.TextIOBase):
    """A text stream that keeps only the beginning: an endless loop of prints fills no memory."""

    text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if len(self.text) < MAX_PRINTED:
            self.text += text[: MAX_PRINTED - len(self.text)]
        return len(text)


@contextlib.contextmanager
def _profiled(observation: Observation, code: CodeType | None, watch: tuple[str, ...]) -> Iterator[None]:
    """Note watched calls, and the local arrays of the function with this code when it returns."""
    if code is None and not watch:
        yield  # a profiler costs time at every call
        return
    watched = frozenset(watch)

    def hook(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            name = f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}"
        elif event == "c_call":
            name = getattr(arg, "__name__", "")
        else:
            if event == "return" and frame.f_code is code:
                observation.intermediates = _local_arrays(frame.f_locals)
            return
        if name in watched and name not in observation.calls:
            observation.calls.append(name)

    before = sys.getprofile()
    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(before)


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Leave calls unnoted in the block, which is ours and not the learner's."""
    hook = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(hook)


def note(observation: Observation, name: str, value: Any) -> None:
    """Note one result of an answer under its name."""
    try:
        array, kind, dtype = to_numpy(value)
    except NotAnArray as error:
        error.output = name
        raise
    observation.arrays[name], observation.kinds[name], observation.dtypes[name] = array, kind, dtype


def _local_arrays(variables: dict[str, Any]) -> dict[str, np.ndarray]:
    arrays = {}
    for name, value in variables.items():
        if type(value).__module__.partition(".")[0] not in ("torch", "numpy"):
            continue
        with contextlib.suppress(NotAnArray):
            if 0 < math.prod(getattr(value, "shape", (0,))) <= MAX_INTERMEDIATE:
                arrays[name], _, _ = to_numpy(value)
    return arrays


def _raised(error: BaseException, code: CodeType | None) -> dict[str, Any]:
    """The error, and the learner's own line: the innermost frame outside every library."""
    line = None
    frames = list(traceback.walk_tb(error.__traceback__))
    for frame, number in reversed(frames):
        path = frame.f_code.co_filename
        if frame.f_code is code or not path.startswith((*_NOT_THE_LEARNERS, "<frozen")):
            source = linecache.getline(path, number, frame.f_globals).strip()
            line = {"number": number, "source": source, "function": frame.f_code.co_name}
            break
    message = _first_line(error)[:MAX_MESSAGE]
    return {"kind": "raised", "type": type(error).__name__, "message": message, "line": line}


def _is_stub(raised: dict[str, Any]) -> bool:
    """Whether this NotImplementedError says "not written yet": torch raises it too, for other reasons."""
    line = raised["line"] or {}
    return not raised["message"] or line.get("source", "").startswith("raise NotImplementedError")


def _first_line(message: object) -> str:
    try:
        line = (str(message).splitlines() or [""])[0]
        return line.encode("utf-8", "replace").decode()  # no notebook can hold half a surrogate pair
    except Exception as error:  # a learner's own class may fail even at this
        return f"(its message cannot be shown: {type(error).__name__})"
