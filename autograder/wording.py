"""The learner's voice: every word that a verdict says."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.case import Case
from autograder.exercise import Exercise
from autograder.expectation import expect
from autograder.observation import GRADIENT, ROOM, Observation
from autograder.observers.arrays import NOTHING
from autograder.points import in_words
from autograder.verdict import Check, GroupResult

if TYPE_CHECKING:
    from autograder.diagnosis import Diagnosis

MAX_SOURCE = 120  # characters of the learner's own line that are shown
WIDTH = 96  # columns after which a line is wrapped: JupyterLab would break it within a word
_COLUMN = 13  # where the text after a label begins
_KINDS = {"torch": "torch tensor", "numpy": "numpy array", "python": "plain Python number"}


def verdict(
    exercise: Exercise,
    groups: Sequence[GroupResult],
    problem: str | None,
    failed: Sequence[Check],
    spared: Sequence[Check],
    cases: Sequence[Case],
    observations: Sequence[Observation],
    diagnosis: Diagnosis | None,
) -> str:
    """The whole text: a headline, what is wrong, what it looks like, where to look.

    Only the first of the `failed` checks is spoken of. Those `spared` failed without costing points.
    """
    lines = [headline(exercise, groups, problem)]
    if problem == "own_work":
        lines.append(_own_work(observations))
    elif problem == "unattempted":
        lines.append("Nothing is written yet: replace the `raise NotImplementedError()` line.")
    elif failed:
        check = failed[0]
        seen = dict(zip(cases, observations, strict=False)).get(check.case)
        lines.append(_hidden(check) if check.case.hidden else _sentence(exercise, check, seen))
    if diagnosis is not None:
        lines += _looks_like(diagnosis)
    lines += [_labelled("NOTE", complaint) for c in spared if (complaint := c.case.private.get("complaint"))]
    lines += _notes([o for case, o in zip(cases, observations, strict=False) if not case.hidden])
    if problem is not None:
        lines.append(_labelled("SEE", f'"{exercise.title}" · hint("{exercise.id}")'))
    elif exercise.follow_up:
        lines.append(_labelled("THINK", exercise.follow_up))
    return "\n  ".join([lines[0], *(wrapped for line in lines[1:] for wrapped in _wrapped(line))])


def _labelled(label: str, text: str) -> str:
    return label.ljust(_COLUMN) + text


def _wrapped(line: str) -> list[str]:
    """A line broken between words, continued under its own text; a quoted source line stays whole."""
    sentence, *quoted = line.split("\n")
    label = sentence[:_COLUMN].rstrip()
    indent = " " * _COLUMN if label.isupper() and not sentence[:_COLUMN].endswith(label) else ""
    return [*textwrap.wrap(sentence, WIDTH, subsequent_indent=indent), *quoted]


def headline(exercise: Exercise, groups: Sequence[GroupResult], problem: str | None) -> str:
    """``infonce.clip_loss · not yet · 2 of 6 checks, 1 of 3 points``."""
    status = {None: "passed", "unattempted": "not attempted"}.get(problem, "not yet")
    passed, checks = (sum(getattr(g, n) for g in groups) for n in ("checks_passed", "checks"))
    earned = sum(g.earned for g in groups)
    return f"{exercise.id} · {status} · {passed} of {checks} checks, {in_words(earned, exercise.points)}"


def _own_work(observations: Sequence[Observation]) -> str:
    called = next(call for observation in observations for call in observation.calls)
    name = called.rpartition(":")[2]
    return (
        f"This calls `{name}`, which is what you are asked to write. "
        "Write its steps yourself: no points for now."
    )


def _hidden(check: Check) -> str:
    return f"A case that is not shown fails, in the group “{check.group}”."


def _sentence(exercise: Exercise, check: Check, seen: Observation | None) -> str:
    """What went wrong at the first failed check."""
    complaint = check.case.private.get("complaint")
    if seen is None:
        return "An earlier case took too long, so the rest was not tried."
    if seen.error is not None:
        return _error(exercise, check, seen.error)
    if complaint:
        return complaint
    return _wrong_array(exercise, check, seen)


def _error(exercise: Exercise, check: Check, error: dict[str, Any]) -> str:
    where = f"With {check.case.name},"
    if error["kind"] == "slow":
        return (
            f"{where} it had not finished after {error['limit']:g} s, and was stopped. "
            "Is there a loop that never ends?"
        )
    if error["kind"] == "mutated":
        return (
            f"{where} it changes its argument `{error['argument']}` in place. "
            "Make a new array (no `+=`, `x[...] =`, `.mul_()`)."
        )
    if error["kind"] == "type":
        return f"{where} {_wrong_type(expect(exercise, check.case).wanted, error['got'], error['output'])}"
    said = f"{error['type']}: {error['message']}" if error["message"] else error["type"]
    line = error["line"]
    place = ""
    if line and line["source"]:
        place = f"\n  line {line['number']}, in {line['function']}:  {line['source'][:MAX_SOURCE]}"
    return f"{where} it raised {said}{place}"


def _wrong_type(wanted: Observation, got: str, output: str | None) -> str:
    if got == NOTHING:
        return f"it returned {NOTHING}. Is there a `return`?"
    if output is None:
        names = " and ".join(f"`{name}`" for name in wanted.kinds)
        return f"it should return {names}, but it returned {got}."
    step = output.partition(" ")[0]
    parts = [name.partition(" ")[2] for name in wanted.kinds if name.partition(" ")[0] == step]
    if output not in wanted.kinds and len(parts) > 1:
        several = " and ".join(f"`{part}`" for part in parts)
        return f"your {_called(output)} returns {got}; it should return {several}."
    return f"your {_called(output)} is {got}; it should be a {_KINDS[wanted.kinds.get(output, 'torch')]}."


def _wrong_array(exercise: Exercise, check: Check, seen: Observation) -> str:
    expected = expect(exercise, check.case)
    want, got = expected.wanted.arrays[check.name], seen.arrays.get(check.name)
    where, what = f"With {check.case.name},", _called(check.name)
    if check.name == ROOM:
        allowed = check.case.inputs[getattr(exercise.runner, "room", "")]
        return f"{where} it holds more than {allowed:,} numbers at once, gradients included."
    if check.problem == "type":
        wanted = _KINDS[expected.wanted.kinds[check.name]]
        if got is None:
            return f"{where} your {what} is missing."
        loses = " (`.item()`, `float()` or numpy would lose its gradient)"
        hint = loses if any(name.startswith(GRADIENT) for name in expected.wanted.arrays) else ""
        return f"{where} your {what} is a {_KINDS[seen.kinds[check.name]]}; it should be a {wanted}{hint}."
    assert got is not None
    if check.problem == "shape":
        return f"{where} your {what} should have shape {_shape(want)}; it has {_shape(got)}."
    if check.problem == "dtype":
        right = expected.wanted.dtypes[check.name]
        given = {str(v.dtype) for v in check.case.inputs.values() if isinstance(v, np.ndarray)}
        should = f"from {right} inputs it should stay {right}" if right in given else f"it should be {right}"
        return f"{where} your {what} is {seen.dtypes[check.name]}; {should}."
    if check.problem == "nonfinite":
        return f"{where} {_nonfinite(what, got, want)}"
    cut_off = check.name.startswith(GRADIENT) and not got.any()
    hint = " (Is the input cut off by .detach(), .item() or torch.no_grad()?)" if cut_off else ""
    return f"{where} {_difference(what, got, want, expected.tolerances[check.name])}{hint}"


def _called(name: str) -> str:
    """An observed array in words: those of a class are numbered by the step of its script."""
    prefix, name = (GRADIENT, name.removeprefix(GRADIENT)) if name.startswith(GRADIENT) else ("", name)
    step, _, what = name.partition(" ")
    return f"{prefix}`{what}` (step {step})" if step.isdigit() and what else f"{prefix}{name}"


def _shape(array: np.ndarray) -> str:
    return "() (a single number)" if array.ndim == 0 else str(array.shape)


def _nonfinite(what: str, got: np.ndarray, want: np.ndarray) -> str:
    bad = "NaN" if np.isnan(got).any() else "infinite"
    if got.ndim == 0:
        return f"your {what} is {bad}; it should be {number(want)}."
    count = int((~np.isfinite(got)).sum())
    return f"{count} of the {got.size} entries of your {what} {'is' if count == 1 else 'are'} {bad}."


def _difference(what: str, got: np.ndarray, want: np.ndarray, tolerance: float) -> str:
    if got.ndim == 0:
        return f"your {what} is {number(got, want)}; it should be {number(want, got)}."
    error = np.abs(got.astype(float) - want.astype(float))
    worst = np.unravel_index(int(error.argmax()), error.shape)
    place = f"[{', '.join(str(int(i)) for i in worst)}]"
    if (got == 0).all():
        return f"every entry of your {what} is 0; {place}, for instance, should be {number(want[worst])}."
    many = f"{int((error > tolerance).sum())} of {got.size} entries differ"
    right = number(want[worst], got[worst])
    yours = number(got[worst], want[worst])
    return f"entry {place} of your {what} is {yours}; it should be {right} ({many})."


def number(value: Any, beside: Any = None) -> str:
    """A number with four significant digits; with as many as it takes to differ from `beside`."""
    if np.asarray(value).dtype.kind in "biu":
        return str(np.asarray(value).item())
    for digits in range(4, 17):
        shown = f"{float(value):.{digits}g}"
        if beside is None or shown != f"{float(beside):.{digits}g}":
            return shown
    return repr(float(value))


def _looks_like(diagnosis: Diagnosis) -> list[str]:
    lines = []
    if diagnosis.misconceptions:
        label = "LOOKS LIKE" if len(diagnosis.misconceptions) == 1 else "TWO THINGS"
        for mistake in diagnosis.misconceptions:
            lines.append(_labelled(label, f"{mistake.title}. {mistake.says}"))
            lines.append(_labelled("CHECK", mistake.asks))
            label = "AND"
    elif diagnosis.step is not None:
        step = diagnosis.step
        lines.append(
            _labelled(
                "FOUND",
                f"Your `{step.variable}` holds the right {step.right}, so the mistake comes after it. "
                f"The lesson's next step is the {step.wrong}.",
            )
        )
    return lines


def _notes(observations: Sequence[Observation]) -> list[str]:
    notes = []
    warned = next((w for o in observations for w in o.warnings), None)
    if warned:
        notes.append(_labelled("NOTE", f"It caused a warning: {warned[:160]}"))
    if any(o.printed for o in observations):
        notes.append(_labelled("NOTE", "It prints while it runs; the output is kept out of the verdict."))
    return notes
