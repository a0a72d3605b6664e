"""What an answer does besides returning: errors, output, warnings, calls of the reference."""

import functools
import linecache
import sys
import warnings

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observation import MAX_PRINTED
from autograder.observers import FunctionObserver, observe

CASE = Case("2 numbers", {"x": np.array([1.0, 2.0])})


def run(answer, **options):
    return observe(FunctionObserver(**options), answer, CASE)


def in_a_cell(source: str, name: str = "answer", file: str = "/somewhere/ipykernel_1/2.py"):
    """Define a function as ipykernel does: compiled under a made-up file name that linecache knows."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope = {"__name__": "__main__", "torch": torch}
    exec(compile(source, file, "exec"), scope)
    return scope[name]


def test_the_learners_own_line_is_noted():
    answer = in_a_cell("def answer(x):\n    y = 2 * x\n    return y.reshape(3)\n")
    error = run(answer).error
    assert error["kind"] == "raised"
    assert error["type"] == "RuntimeError"
    assert error["line"] == {"number": 3, "source": "return y.reshape(3)", "function": "answer"}


def test_the_line_is_the_innermost_of_the_learners_even_in_a_helper_below_a_library():
    source = "def helper(v):\n    return [][3]\ndef answer(x):\n    return torch.vmap(helper)(x)\n"
    error = run(in_a_cell(source)).error
    assert (error["type"], error["line"]["source"], error["line"]["function"]) == (
        "IndexError",
        "return [][3]",
        "helper",
    )


def test_the_line_is_never_one_of_course_lib():
    source = (
        "def answer(x):\n    from course_lib.contrastive import clip_loss\n    return clip_loss(x, x, 1.0)\n"
    )
    error = run(in_a_cell(source)).error
    assert error["line"]["source"] == "return clip_loss(x, x, 1.0)"


def test_no_line_is_invented_where_the_call_itself_fails():
    error = run(lambda y: y).error
    assert error["type"] == "TypeError"
    assert "unexpected keyword argument 'x'" in error["message"]
    assert error["line"] is None


def _recursion(x):
    return _recursion(x)


def _exit(x):
    sys.exit(3)


def _stop(x):
    raise StopIteration


def _many_lines(x):
    raise ValueError("first\nsecond")


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def _mute(x):
    raise Mute


def _surrogate(x):
    raise ValueError("half a \ud800 pair")


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (_recursion, "RecursionError", "maximum recursion depth exceeded"),
        (_exit, "SystemExit", "3"),
        (_stop, "StopIteration", ""),
        (_many_lines, "ValueError", "first"),
        (_mute, "Mute", "(its message cannot be shown: RuntimeError)"),
        (_surrogate, "ValueError", "half a ? pair"),
    ],
)
def test_whatever_is_raised_is_noted(answer, kind, message):
    error = run(answer).error
    assert (error["kind"], error["type"]) == ("raised", kind)
    assert error["message"].startswith(message)


def test_only_the_learners_own_interrupt_passes_through():
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(answer)
    assert sys.getprofile() is None


def test_a_stub_is_unattempted_whatever_it_says():
    def bare(x):
        raise NotImplementedError

    def talking(x):
        raise NotImplementedError("write me")

    assert [run(answer).error["kind"] for answer in (bare, talking)] == ["unattempted"] * 2


def test_a_missing_kernel_of_torch_is_no_stub():
    def answer(x):
        return torch.ones(2, 2, device="meta").nonzero() + torch.empty(2, device="meta").item()

    error = run(answer).error
    assert (error["kind"], error["line"]["function"]) == ("raised", "answer")


def test_output_is_kept_out_of_the_notebook_and_bounded(capsys):
    def answer(x):
        for _ in range(1000):
            print("spam" * 100)
        print("also here", file=sys.stderr)
        sys.stdout.close()
        return x

    seen = run(answer)
    assert seen.error is None
    assert len(seen.printed) == MAX_PRINTED
    assert capsys.readouterr() == ("", "")


def test_warnings_are_noted_and_bounded():
    def answer(x):
        for number in range(1000):
            warnings.warn(f"number {number}", RuntimeWarning, stacklevel=1)
        warnings.warn("", stacklevel=1)
        return x

    seen = run(answer)
    assert seen.warnings[0] == "RuntimeWarning: number 0"
    assert len(seen.warnings) == 5


def test_an_empty_warning_and_a_repeated_one():
    def answer(x):
        for _ in range(3):
            warnings.warn("", stacklevel=1)
        return x

    assert run(answer).warnings == ["UserWarning: "]
    assert run(answer).warnings == ["UserWarning: "]  # a second check says it again


def test_watched_calls_are_noted_wherever_they_hide():
    def direct(x):
        return in_the_middle(x)

    def in_the_middle(x):
        return torch.log_softmax(x, 0)

    watch = (f"{__name__}:{in_the_middle.__qualname__}", "log_softmax")
    assert run(direct, watch=watch).calls == list(watch)
    assert run(functools.partial(direct), watch=watch).calls == list(watch)
    assert run(direct, watch=("somewhere:else",)).calls == []


def test_local_arrays_are_noted_also_when_the_answer_fails():
    def answer(x):
        doubled = 2 * x  # noqa: F841  # what is noted is a local variable
        big = torch.zeros(10**7)
        size, name = x.shape, "text"
        raise ValueError(f"{size} {name} {len(big)}")

    seen = run(answer)
    assert set(seen.intermediates) == {"x", "doubled"}
    assert np.array_equal(seen.intermediates["doubled"], [2.0, 4.0])
    assert not run(answer, intermediates=False).intermediates


def test_a_profiler_that_was_running_goes_on():
    before = lambda *event: None  # noqa: E731
    sys.setprofile(before)
    try:
        run(lambda x: x, watch=("a:b",))
        assert sys.getprofile() is before
    finally:
        sys.setprofile(None)
