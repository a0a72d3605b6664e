"""The loop: real processes that die, hang and fail, and a run that is killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fake_grading as fake
import small_course as small
from controlled import controlled

from autograder.classroom import lock
from autograder.classroom.dry_run import dry_run
from autograder.classroom.errors import GradingError
from autograder.classroom.ledger import Ledger
from autograder.classroom.options import Options
from autograder.classroom.pool import Pool
from autograder.classroom.running import run
from autograder.classroom.task import Submission

HERE = Path(__file__).parent


@pytest.fixture
def hand_in(root):
    def several(*students, notebooks=("one", "two")):
        for student in students:
            small.submit(root, student, {}, notebooks=notebooks)

    return several


@pytest.fixture
def source(root, tmp_path):
    return controlled(root, tmp_path / "control")


@pytest.fixture
def grading(root, source):
    """Run with two processes."""

    def go(options=None, use=source, **given):
        workers = Pool(2, fake.prepare, fake.close)
        try:
            return run(root, small.NAME, workers, options, grade=fake.grade, source=use, **given)
        finally:
            workers.close()

    return go


def scores(root):
    return {
        key[1]: row[0]
        for key, row in small.rows(root).items()
        if key[0] == "grade" and key[3:5] == ("one", "check-f0")
    }


def outcomes(root):
    with Ledger(root / "classroom" / "grading.sqlite", writable=False) as ledger:
        return {outcome.student: outcome for outcome in ledger.outcomes(small.NAME)}


def test_a_class_is_graded_entered_and_written(root, hand_in, grading, capsys):
    hand_in("ann", "bob", "eve")
    summary = grading()
    assert summary.exit_status == 0
    assert scores(root) == {"ann": 3.0, "bob": 3.0, "eve": 3.0}
    folder = root / "autograded" / "ann" / small.NAME
    assert {"one.ipynb", "two.ipynb", "support.txt"} <= {path.name for path in folder.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert [p.name for p in (root / "autograded" / "ann").iterdir()] == [small.NAME]
    printed = capsys.readouterr().out
    assert printed.count(" graded") >= 3
    assert "ann" in printed
    assert (root / "classroom" / "secret").stat().st_mode & 0o777 == 0o600


def test_what_is_finished_is_left_alone(root, hand_in, grading, source):
    hand_in("ann", "bob")
    grading()
    hand_in("eve")
    small.submit(root, "bob", small.right())  # a new version
    summary = grading()
    assert source.tries() == {"ann": 1, "bob": 2, "eve": 1}
    assert (summary.skipped, summary.finished) == (1, 2)
    grading(Options(students=["ann"], regrade=True))
    assert source.tries() == {"ann": 2, "bob": 2, "eve": 1}


def test_every_task_has_the_courses_own_limit_of_a_cell(root, hand_in, grading, source):
    hand_in("ann")
    source.assignment = source.assignment.model_copy(update={"cell_seconds": 45.0})
    grading()
    with Ledger(root / "classroom" / "grading.sqlite", writable=False) as ledger:
        limits = ledger.entry(small.NAME, "ann").limits
    assert (limits["cell_seconds"], limits["wall_seconds"]) == (45.0, 135.0)


def test_a_deleted_folder_is_graded_again_and_a_new_gradebook_filled(root, made, hand_in, grading, source):
    hand_in("ann", "bob")
    grading()
    shutil.rmtree(root / "autograded" / "ann")
    shutil.copy(made / "gradebook.db", root / "gradebook.db")
    for log in root.glob("gradebook.db-*"):
        log.unlink()
    summary = grading()
    assert source.tries() == {"ann": 2, "bob": 1}
    assert scores(root) == {"ann": 3.0, "bob": 3.0}
    assert summary.merged == 1
    assert (root / "autograded" / "bob" / small.NAME / "one.ipynb").exists()


def test_a_changed_exercise_is_said_and_not_graded(root, hand_in, grading, source, tmp_path):
    hand_in("ann")
    grading()
    newer = controlled(root, tmp_path / "control", versions={"small.f0": "v2"}, score="1")
    summary = grading(use=newer)
    assert source.tries() == {"ann": 1}
    assert any("1 exercise changed since" in line for line in summary.lines())
    assert scores(root) == {"ann": 3.0}


def test_a_dry_run_lists_whose_score_would_change_and_writes_nothing(root, hand_in, grading, tmp_path):
    hand_in("ann", "bob")
    grading()
    hand_in("new", "dies")
    small.submit(root, "bob", small.right())  # another version: not to be compared
    newer = controlled(root, tmp_path / "control", versions={"small.f0": "v2"}, score="1")
    before = small.rows(root), [outcome.model_dump() for outcome in outcomes(root).values()]
    with Pool(2, fake.prepare, fake.close) as workers:
        changes = dry_run(root, small.NAME, workers, Options(), grade=fake.grade, source=newer)
        unchanged = dry_run(
            root,
            small.NAME,
            workers,
            Options(),
            grade=fake.grade,
            source=controlled(root, tmp_path / "control"),
        )
    text = list(changes.lines())
    assert text[0] == "small.f0 changed since 1 submission was graded."
    assert "ann: one/check-f0 3 → 1" in text
    assert len(changes.differences) == 6
    assert "1 graded again in memory, 1 would have another score" in text[-2]
    assert text[-1] == "3 would be graded for the first time, or in a new version."
    assert next(unchanged.lines()).startswith("No exercise changed since")
    assert (small.rows(root), [outcome.model_dump() for outcome in outcomes(root).values()]) == before


def test_a_process_that_dies_costs_nobody_else(root, hand_in, grading, source):
    honest = [f"s{i:02}" for i in range(8)]
    hand_in("a-once", *honest, "dies", "dies-segv", "exits")
    summary = grading()
    assert summary.exit_status == 1
    assert scores(root) == dict.fromkeys([*honest, "a-once"], 3.0)
    found = outcomes(root)
    for student in ("dies", "dies-segv", "exits"):
        assert found[student].status == "could not be graded"
        assert "The grader's process ended (" in found[student].problems[0].text
        assert 1 <= source.tries()[student] <= 2
    assert not any(key[1] == "dies" for key in small.rows(root))


def test_a_grader_that_raises_costs_one_submission(root, hand_in, grading):
    hand_in("ann", "raises")
    grading()
    assert scores(root) == {"ann": 3.0}
    (problem,) = outcomes(root)["raises"].problems
    assert problem.text == "The grader failed with ZeroDivisionError: the grader divided by zero."


def test_the_wall_clock_gets_a_second_try_with_nothing_beside(root, hand_in, tmp_path, grading):
    hand_in("clock-once", "clock-always", *[f"s{i}" for i in range(4)])
    source = controlled(root, tmp_path / "control", seconds="0.2")
    grading(use=source)
    found = outcomes(root)
    assert source.tries()["clock-once"] == source.tries()["clock-always"] == 2
    assert found["clock-once"].status == "graded"
    assert [p.kind for p in found["clock-once"].problems] == ["retried"]
    assert [p.kind for p in found["clock-always"].problems] == ["timed_out", "retried"]
    assert found["clock-once"].wall_seconds == 0  # nobody was running


def test_a_refused_merge_is_kept_and_entered_later(root, hand_in, grading, source, monkeypatch):
    hand_in("ann", "strange", "escapes")
    summary = grading()
    assert summary.exit_status == 1
    assert set(scores(root)) == {"ann", "escapes"}
    said = outcomes(root)["strange"]
    assert said.status == "could not be graded"
    assert "no graded cell 'no-such'" in said.problems[-1].text
    assert "not a path within a submission" in outcomes(root)["escapes"].problems[-1].text
    grading()
    assert source.tries() == {"ann": 1, "strange": 1, "escapes": 1}


def test_what_could_not_be_graded_is_tried_again_by_the_next_run(root, hand_in, grading, source):
    hand_in("unreadable")
    assert grading().exit_status == 1
    assert grading().exit_status == 1
    assert source.tries() == {"unreadable": 2}
    assert small.rows(root) == {}


def test_processes_that_do_not_start_end_the_run(root, hand_in, source):
    hand_in("ann")
    workers = Pool(2, fake.fail_to_start, fake.close)
    with pytest.raises(GradingError, match="end as soon as they start"):
        run(root, small.NAME, workers, grade=fake.grade, source=source)
    workers.close()


def test_any_executor_will_do(root, hand_in, source):
    hand_in("ann", "bob")
    with ThreadPoolExecutor(2) as pool:
        run(root, small.NAME, pool, grade=fake.grade, source=source)
    assert set(scores(root)) == {"ann", "bob"}


def test_one_run_at_a_time(root, hand_in, grading):
    hand_in("ann")
    (root / "classroom").mkdir()
    with (
        lock.alone(root / "classroom" / "grading.lock"),
        pytest.raises(GradingError, match=rf"process {os.getpid()}\) is at work here"),
    ):
        grading()
    assert grading().exit_status == 0


def test_unknown_students_and_assignments_are_one_sentence(root, hand_in, grading, source):
    hand_in("ann")
    with pytest.raises(GradingError, match="nobody handed in nothing for ps1"):
        grading(Options(students=["nobody", "ann"]))


def start(root, control, seconds="0.1"):
    return subprocess.Popen(
        [sys.executable, HERE / "controlled.py", root, control, seconds],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(root):
    path = root / "classroom" / "grading.sqlite"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            return connection.execute("SELECT count(*) FROM submission").fetchone()[0]
    except sqlite3.OperationalError:  # the tables are being made
        return 0


def workers_of(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 5, 11], ids=lambda n: f"after {n}")
def test_a_killed_run_goes_on_where_it_stopped(root, hand_in, source, number):
    students = [f"s{i:02}" for i in range(12)]
    hand_in(*students)
    process = start(root, source.control)
    give_up = time.monotonic() + 60
    while finished(root) < number and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.005)
    children = workers_of(process.pid)
    grandchildren = [pid for child in children for pid in workers_of(child)]
    process.kill()
    process.communicate()
    stored = finished(root)
    tried = source.tries()
    give_up = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in (*children, *grandchildren)):
        assert time.monotonic() < give_up, "processes of a killed run are still there"
        time.sleep(0.05)
    again = start(root, source.control, "0")
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert scores(root) == dict.fromkeys(students, 3.0)
    assert set(outcomes(root)) == set(students)
    for student in students:
        assert (root / "autograded" / student / small.NAME / "two.ipynb").exists()
    # Whatever was stored was not graded again; at most what was under way was.
    assert sum(source.tries().values()) <= len(students) + len(tried) - stored + 4


@pytest.mark.slow
def test_ctrl_c_ends_the_run_in_order(root, hand_in, source):
    students = [f"s{i:02}" for i in range(12)]
    hand_in(*students)
    process = start(root, source.control, "0.3")
    while finished(root) < 3 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Ended at your wish" in output
    assert "course grade ps1" in output
    done = finished(root)
    assert 3 <= done < 12
    assert len(scores(root)) == done
    again = start(root, source.control, "0")
    again.communicate(timeout=120)
    assert scores(root) == dict.fromkeys(students, 3.0)


class Endless(small.Small):
    """Submissions of 200 kB each, made while they are read; it notes how much memory is held."""

    def __init__(self, root, control, count):
        super().__init__(root)
        extra = {fake.CONTROL: os.fsencode(control)}
        control.mkdir()
        self.assignment = self.assignment.model_copy(update={"files": extra})
        self.count, self.held = count, []

    def students(self):
        return [f"s{i:04}" for i in range(self.count)]

    def read(self, student):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.held.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        return Submission(student, small.NAME, {"one.ipynb": os.urandom(200_000)}, digest=student)


@pytest.mark.slow
def test_a_thousand_submissions_take_no_more_memory_than_a_hundred(root, tmp_path, capsys):
    source = Endless(root, tmp_path / "control", 1000)
    begun = time.monotonic()
    workers = Pool(2, fake.prepare, fake.close)
    try:
        summary = run(root, small.NAME, workers, grade=fake.grade, source=source)
    finally:
        workers.close()
    took = time.monotonic() - begun
    assert summary.exit_status == 0
    assert len(scores(root)) == len(outcomes(root)) == 1000
    assert len(list((root / "autograded").iterdir())) == 1000
    early, late = source.held[100], max(source.held[100:])
    with capsys.disabled():
        print(f"\n1,000 submissions in {took:.0f} s, memory {early:.0f} MB at 100 and {late:.0f} MB at most")
    assert late - early < 40  # all of them would be 200
