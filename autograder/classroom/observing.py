"""What a student's process says that an answer did, believed only as far as its form goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.classroom.frames import FrameError
from autograder.observation import MAX_PRINTED, Observation
from autograder.observers.capture import MAX_MESSAGE, MAX_WARNINGS

KINDS = ("torch", "numpy", "python")
ERRORS = ("raised", "unattempted", "slow", "type", "mutated")
LONGEST = 400  # characters of any other text


def observation(header: object, arrays: Mapping[str, np.ndarray]) -> Observation:
    """An observation from a frame.

    Raises
    ------
    FrameError
        If it is not one.
    """
    said = _mapping(header)
    seen = {name.removeprefix("array/"): array for name, array in arrays.items() if name.startswith("array/")}
    kinds = _strings(said.get("kinds"), KINDS)
    dtypes = _strings(said.get("dtypes"))
    outputs = set(kinds)
    if outputs != set(dtypes) or not outputs <= set(seen):
        raise FrameError("an observation whose arrays and their descriptions differ")
    prefix = "intermediate/"
    return Observation(
        arrays=seen,
        kinds=kinds,
        dtypes=dtypes,
        intermediates={k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)},
        error=_error(said.get("error")),
        warnings=[_text(one, MAX_MESSAGE) for one in _list(said.get("warnings"))[:MAX_WARNINGS]],
        printed=_text(said.get("printed", ""), MAX_PRINTED),
        calls=[_text(one) for one in _list(said.get("calls"))[:20]],
    )


def without_words(seen: Observation) -> Observation:
    """An observation of a hidden case: nothing that the answer said may reach anybody."""
    error = seen.error
    if error is not None:
        error = {"kind": error["kind"], **_BLANK[error["kind"]]}
    return Observation(
        arrays=seen.arrays, kinds=seen.kinds, dtypes=seen.dtypes, error=error, calls=seen.calls
    )


_BLANK: dict[str, dict[str, Any]] = {
    "raised": {"type": "Exception", "message": "", "line": None},
    "unattempted": {"type": "NotImplementedError", "message": "", "line": None},
    "slow": {"limit": 5.0},
    "type": {"got": "something else", "output": None},
    "mutated": {"argument": "an argument"},
}


def _error(said: object) -> dict[str, Any] | None:
    if said is None:
        return None
    error = _mapping(said)
    kind = error.get("kind")
    if kind not in ERRORS:
        raise FrameError("an error of an unknown kind")
    if kind == "slow":
        return {"kind": kind, "limit": _number(error.get("limit"))}
    if kind == "type":
        output = error.get("output")
        return {
            "kind": kind,
            "got": _text(error.get("got", "")),
            "output": None if output is None else _text(output),
        }
    if kind == "mutated":
        return {"kind": kind, "argument": _text(error.get("argument", ""))}
    line = error.get("line")
    return {
        "kind": kind,
        "type": _text(error.get("type", "")),
        "message": _text(error.get("message", ""), MAX_MESSAGE),
        "line": None if line is None else _line(_mapping(line)),
    }


def _line(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": int(_number(said.get("number"))),
        "source": _text(said.get("source", "")),
        "function": _text(said.get("function", "")),
    }


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FrameError("an observation without its parts")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise FrameError("an observation without its parts")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        raise FrameError("an observation with an impossible number")
    return float(value)


def _text(value: object, longest: int = LONGEST) -> str:
    if not isinstance(value, str):
        raise FrameError("an observation with something else than text")
    return value[:longest].encode("utf-8", "replace").decode()


def _strings(value: object, allowed: tuple[str, ...] = ()) -> dict[str, str]:
    found = {_text(name): _text(item) for name, item in _mapping(value).items()}
    if allowed and not set(found.values()) <= set(allowed):
        raise FrameError("an observation with an unknown kind of array")
    return found
