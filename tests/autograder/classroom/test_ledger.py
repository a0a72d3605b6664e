"""The ledger: what is stored stays, whatever happens to the process or the file."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from made_up import made_up

from autograder.classroom import ledger_file
from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.deciding import changed, decide
from autograder.classroom.errors import GradingError
from autograder.classroom.gradebook_errors import MergeError
from autograder.classroom.ledger import Ledger
from autograder.classroom.loop import Loop
from autograder.classroom.merging import Merger
from autograder.classroom.task import Limits, Result, Submission

ASSIGNMENT = Assignment(
    name="ps1",
    notebooks=(
        NotebookSpec(
            name="one",
            cells=(
                CellSpec(
                    grade_id="check-f",
                    cell_type="code",
                    source="",
                    checksum="",
                    locked=True,
                    grade=True,
                    solution=False,
                    points=3,
                ),
            ),
        ),
    ),
    versions={"small.f": "v1"},
)
VERSIONS = {"small.f": "v1"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "classroom" / "grading.sqlite"


def result(student="ann", score=3.0, digest="d", **files):
    made = made_up(ASSIGNMENT, student, score, digest=digest)
    return Result(made.outcome, {"one.ipynb": b"x" * 10_000} | files)


def store(ledger, one, **options):
    ledger.store(one, VERSIONS, asdict(Limits()), **options)


def test_a_result_is_kept_with_its_files_until_it_is_merged(path):
    with Ledger(path) as ledger:
        store(ledger, result(**{"data/ü.txt": b"\0\xff"}))
    with Ledger(path) as ledger:
        again = ledger.result("ps1", "ann")
        assert again.files == {"one.ipynb": b"x" * 10_000, "data/ü.txt": b"\0\xff"}
        assert again.outcome.score == 3.0
        assert ledger.entry("ps1", "ann").state == "graded"
        assert ledger.entry("ps1", "ann").limits["cell_seconds"] == Limits().cell_seconds
        ledger.mark_merged("ps1", "ann")
    with Ledger(path) as ledger:
        assert ledger.entry("ps1", "ann").state == "merged"
        assert ledger.result("ps1", "ann").files == {}
        assert ledger.entry("ps1", "bob") is None
        with pytest.raises(KeyError):
            ledger.result("ps1", "bob")


def test_a_new_grading_takes_the_place_of_the_old_and_history_has_both(path):
    with Ledger(path) as ledger:
        store(ledger, result(score=1.0, **{"old.txt": b"old"}))
        ledger.mark_merged("ps1", "ann")
        ledger.store(result(score=2.0, digest="e"), {"small.f": "v2"}, {})
        assert "old.txt" not in ledger.result("ps1", "ann").files
        first, second = ledger.history("ps1", "ann")
        assert (first.score, first.digest, first.versions) == (1.0, "d", {"small.f": "v1"})
        assert (second.score, second.digest, second.versions) == (2.0, "e", {"small.f": "v2"})
        assert second.scores == {"one": {"check-f": 2.0}}
        assert first.at_utc <= second.at_utc
        assert [outcome.score for outcome in ledger.outcomes("ps1")] == [2.0]


def test_what_the_gradebook_refused_is_told_as_not_graded_and_kept(path):
    with Ledger(path) as ledger:
        store(ledger, result())
        ledger.mark_refused("ps1", "ann", "the gradebook refused it: locked")
        (told,) = ledger.outcomes("ps1")
        assert told.status == "could not be graded"
        assert "refused it: locked" in told.problems[-1].text
        assert ledger.result("ps1", "ann").outcome.status == "graded"
        ledger.mark_merged("ps1", "ann")
        assert [outcome.status for outcome in ledger.outcomes("ps1")] == ["graded"]


def test_half_a_character_in_a_message_is_no_reason_to_lose_a_result(path):
    one = result()
    grades = one.outcome.notebooks[0].grades
    grades[0] = grades[0].model_copy(update={"verdict": {"text": "You wrote \ud800."}})
    with Ledger(path) as ledger:
        store(ledger, one)
        (told,) = ledger.outcomes("ps1")
        assert told.notebooks[0].grades[0].verdict == {"text": "You wrote ?."}


def test_assignments_do_not_mix(path):
    with Ledger(path) as ledger:
        store(ledger, result())
        assert ledger.outcomes("ps2") == []
        assert ledger.history("ps2") == []


def test_only_the_instructor_reads_it(path):
    with Ledger(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["header", "middle", "tables"])
def test_a_damaged_file_is_set_aside_and_said(path, damage):
    with Ledger(path) as ledger:
        for i in range(30):
            store(ledger, result(f"s{i}"))
    if damage == "tables":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE file")
    else:
        content = bytearray(path.read_bytes())
        start = 0 if damage == "header" else 4096
        content[start : start + 4096] = os.urandom(4096)
        path.write_bytes(content)
    with pytest.raises(GradingError, match=r"is damaged|cannot be read"):
        list(Ledger(path, writable=False).entries("ps1"))
    with Ledger(path) as ledger:
        assert ledger.notice.startswith("The ledger was damaged: it is kept as grading-corrupt-")
        assert ledger.outcomes("ps1") == []
        store(ledger, result())
    assert len(list(path.parent.glob("grading-corrupt-*.sqlite"))) == 1


def test_a_strangers_and_a_newer_file_are_refused(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes(name)")
    with pytest.raises(GradingError, match="another program's database"):
        Ledger(path)
    path.unlink()
    with Ledger(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {ledger_file.LAYOUT.version + 1}")
    with pytest.raises(GradingError, match=r"newer course .* update the course"):
        Ledger(path)


def test_a_folder_that_cannot_be_written_is_one_sentence(path):
    path.parent.write_text("a file where a folder should be")
    with pytest.raises((GradingError, OSError)):
        Ledger(path)


def test_reading_makes_nothing(path):
    with Ledger(path, writable=False) as ledger:
        assert ledger.outcomes("ps1") == []
    assert not path.parent.exists()


def test_a_report_reads_while_a_run_writes(path):
    with Ledger(path) as writer, Ledger(path, writable=False) as reader:
        store(writer, result("ann"))
        rows = reader.entries("ps1")
        assert next(rows).student == "ann"
        store(writer, result("bob"))
        list(rows)
        assert {outcome.student for outcome in reader.outcomes("ps1")} == {"ann", "bob"}


def test_a_short_lock_is_waited_for(path):
    with Ledger(path) as ledger, closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, other.rollback)
        timer.start()
        store(ledger, result())
        timer.join()
        assert ledger.entry("ps1", "ann") is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "done"),
        ({"digest": "new"}, "grade"),
        ({"regrade": True}, "grade"),
        ({"state": "graded"}, "merge"),
        ({"state": "graded", "has_folder": False}, "merge"),
        ({"state": "graded", "in_gradebook": False}, "merge"),
        ({"state": "graded", "digest": "new"}, "grade"),
        ({"has_folder": False}, "grade"),
        ({"in_gradebook": False}, "merge"),
        ({"status": "could not be graded"}, "grade"),
        ({"absent": True}, "grade"),
    ],
)
def test_what_is_to_be_done(given, expected):
    outcome = SimpleNamespace(status=given.pop("status", "graded"))
    entry = SimpleNamespace(digest="d", state=given.pop("state", "merged"), outcome=outcome)
    absent = given.pop("absent", False)
    assert decide(None if absent else entry, given.pop("digest", "d"), **given) == expected


def test_changed_exercises_are_those_with_another_version():
    entry = SimpleNamespace(versions={"a": "1", "b": "1"})
    assert changed(entry, {"a": "2", "b": "1", "new": "1"}) == {"a"}


class Killed(BaseException):
    """The process ends here."""


class Model:
    """A class with ledger, gradebook and folders, whose process can be killed before any of its steps."""

    def __init__(self, path):
        self.path = path
        self.gradebook: dict[str, float] = {}
        self.folders: dict[str, float] = {}
        self.graded: list[tuple[str, str]] = []
        self.handed_in: dict[str, int] = {}
        self.manual = {"s0": 1.0}
        self.left = 0

    def step(self):
        self.left -= 1
        if self.left < 0:
            raise Killed

    def run(self, steps):
        self.left = steps
        ledger = Ledger(self.path)
        for name in ("store", "mark_merged", "mark_refused"):
            self._before(ledger, name)
        try:
            loop = Loop(self.source(), ledger, self.merger(ledger), None, None)
            loop.teller = SimpleNamespace(passed=lambda: None, finished=lambda outcome: None)
            for job in loop._jobs(sorted(self.handed_in)):
                self.step()
                version = self.handed_in[job.folder]
                self.graded.append((job.folder, str(version)))
                loop._keep(job, result(job.folder, float(version)))
        except Killed:
            return False
        finally:
            ledger.close()
        return True

    def _before(self, ledger, name):
        method = getattr(ledger, name)

        def stepped(*given, **options):
            self.step()
            method(*given, **options)
            self.step()

        setattr(ledger, name, stepped)

    def source(self):
        def read(folder):
            return Submission(folder, "ps1", digest=str(self.handed_in[folder]))

        return SimpleNamespace(assignment=ASSIGNMENT, read=read)

    def merger(self, ledger):
        merger = Merger.__new__(Merger)
        merger.notices, merger._ledger, merger._name, merger._unreachable = [], ledger, "ps1", 0
        merger._submitted = set(self.gradebook)

        def enter(outcome):
            self.step()
            if outcome.score == 2.0 and self.fails:
                raise MergeError("the gradebook refused it: locked")
            self.gradebook[outcome.student] = outcome.score
            self.step()

        def write(kept):
            self.step()
            self.folders[kept.outcome.student] = kept.outcome.score

        merger._writer = SimpleNamespace(merge=enter)
        merger._write = write
        merger.has_folder = self.folders.__contains__
        return merger

    fails = False


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_order_of_kills_loses_or_repeats_anything(tmp_path_factory, data):
    model = Model(tmp_path_factory.mktemp("kills") / "grading.sqlite")
    students = [f"s{i}" for i in range(data.draw(st.integers(1, 4)))]
    model.handed_in = dict.fromkeys(students, 1)
    for _ in range(data.draw(st.integers(0, 6))):
        again = data.draw(st.sampled_from([None, *students]))
        if again:  # hands in a new version
            model.handed_in[again] += 1
        model.fails = data.draw(st.booleans())
        model.run(data.draw(st.integers(0, 25)))
    stored_before = len(model.graded)
    model.fails = False
    assert model.run(10_000)
    assert model.gradebook == model.folders == {s: float(v) for s, v in model.handed_in.items()}
    with Ledger(model.path) as ledger:
        assert all(entry.state == "merged" for entry in ledger.entries("ps1"))
        assert ledger._connection.execute("SELECT count(*) FROM file").fetchone() == (0,)
        stored = [(v.student, v.digest) for v in ledger.history("ps1")]
    assert len(stored) == len(set(stored))  # what was stored was never graded again
    assert len(model.graded) - stored_before <= len(students)
    before = list(model.graded)
    assert model.run(10_000)
    assert model.graded == before
