import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.progress import (
    best_credit,
    events,
    hints_taken,
    record_attempt,
    record_hint,
    record_solution,
    records,
    summary,
)

ids = st.sampled_from(["infonce.clip_loss", "infonce.recall_at_k", "affine.quantize"])
credits_ = st.floats(0, 1)
mistakes = st.none() | st.sampled_from(["infonce.clip_loss:summed", "a.b:c+a.b:d", "größer'; --"])


def test_an_attempt_is_read_back_as_it_was():
    before = datetime.now(UTC)
    record_attempt("infonce.clip_loss", 1 / 3, "infonce.clip_loss:one_direction", 17)
    (event,) = events()
    assert before <= event.at_utc <= datetime.now(UTC)
    assert event.at_utc.utcoffset().total_seconds() == 0
    assert (event.exercise, event.kind, event.credit) == ("infonce.clip_loss", "attempt", 1 / 3)
    assert (event.misconception, event.ms, event.level) == ("infonce.clip_loss:one_direction", 17, None)


def test_the_file_holds_the_tables_that_are_documented(progress_file):
    record_attempt("a.b", 1.0, None, 3)
    record_hint("a.b", 2)
    record_solution("a.b")
    with closing(sqlite3.connect(progress_file)) as connection:
        columns = {
            table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for table in ("attempts", "hints", "solutions_seen")
        }
    assert columns == {
        "attempts": ["exercise", "at_utc", "credit", "misconception", "ms"],
        "hints": ["exercise", "level", "at_utc"],
        "solutions_seen": ["exercise", "at_utc"],
    }


@given(done=st.lists(st.tuples(ids, credits_, mistakes), max_size=8))
@settings(max_examples=15, deadline=None)
def test_whatever_was_recorded_comes_back_in_order(done):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_PROGRESS", str(Path(folder, "progress.sqlite")))
        for exercise, credit, mistake in done:
            record_attempt(exercise, credit, mistake, 1)
        assert [(e.exercise, e.credit, e.misconception) for e in events()] == done
        best = {name: max(credit for one, credit, _ in done if one == name) for name, _, _ in done}
        assert best_credit() == best


def test_events_since_a_time():
    record_hint("a.b", 1)
    (first,) = events()
    record_solution("a.b")
    assert [event.kind for event in events(since=first.at_utc)] == ["hint", "solution"]
    later = events()[-1].at_utc
    assert [event.kind for event in events(since=later)] == ["solution"]


def test_hints_are_levels_each_counted_once():
    for level in (3, 1, 3):
        record_hint("a.b", level)
    record_hint("a.c", 2)
    assert hints_taken("a.b") == (1, 3)
    assert hints_taken("a.d") == ()


def test_the_summary_of_an_exercise():
    record_attempt("a.b", 0.5, "a.b:wrong_axis", 3)
    record_attempt("a.b", 1.0, None, 3)
    record_solution("a.c")
    met = events()[0].at_utc
    found = summary()
    assert (found["a.b"].attempts, found["a.b"].best_credit, found["a.b"].solution_seen) == (2, 1.0, False)
    assert (found["a.b"].misconception, found["a.b"].met_at) == ("a.b:wrong_axis", met)
    assert (found["a.c"].attempts, found["a.c"].best_credit, found["a.c"].solution_seen) == (0, 0.0, True)
    assert best_credit() == {"a.b": 1.0}


def test_nothing_recorded_yet_makes_no_file(progress_file):
    assert events() == []
    assert summary() == {}
    assert not progress_file.exists()


def test_numbers_of_numpy_are_numbers():
    record_attempt("a.b", np.float32(0.5), None, np.float64(2.4))
    assert [(event.credit, event.ms) for event in events()] == [(0.5, 2)]


@pytest.mark.parametrize("credit", [1.5, -0.1, float("nan")])
def test_an_impossible_credit_is_refused_without_raising(credit, capfd):
    record_attempt("a.b", credit, None, 1)
    out, err = capfd.readouterr()
    assert out == (
        f"Your progress cannot be used (credit should be between 0 and 1; got {credit}); "
        "checks work without it.\n"
    )
    assert err == ""
    record_attempt("a.b", 1.0, None, 1)  # and does not stand in the way of the next one
    assert [event.credit for event in events()] == [1.0]


def test_a_forked_process_does_not_save_what_its_parent_has_yet_to_save(monkeypatch):
    import os

    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    record_hint("a.b", 1)
    child = os.fork()
    if child == 0:
        os._exit(len(events()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(events()) == 1
    assert records.location() is None
