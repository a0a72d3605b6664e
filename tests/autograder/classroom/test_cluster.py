"""A real Dask scheduler and two real workers on this machine; one of them is killed half-way."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
import torch
from nbgrader.api import Gradebook

sys.path.insert(0, str(Path(__file__).parent))

import small_course as small
from controlled import controlled

from autograder import examine
from autograder.classroom.isolation import processes
from autograder.classroom.releases import asked_by
from autograder.exercises import exercises

from .conftest import lesson, released, solved

pytest.importorskip("distributed", reason="needs the extra `cluster`")

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
LESSON = "01_infonce"
#: It overflows, which costs a part of the points.
PART = "def log_softmax_rows(logits):\n    return torch.log(torch.softmax(logits, dim=1))"
STUDENTS = [f"{who}{i}" for i in range(4) for who in ("right", "loses", "stubs")]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}


@pytest.fixture
def started(tmp_path):
    """Start processes that are ended with the test."""
    processes = []

    def start(*command):
        log = (tmp_path / f"log{len(processes)}").open("w")
        processes.append(
            subprocess.Popen(
                [sys.executable, *command], env=ENVIRONMENT, stdout=log, stderr=log, cwd=tmp_path
            )
        )
        log.close()
        return processes[-1]

    yield start
    for process in reversed(processes):
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(started, tmp_path):
    """The address of a scheduler without workers."""
    file = tmp_path / "scheduler.json"
    started(
        *("-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0"),
        *("--no-dashboard", "--scheduler-file", str(file)),
    )
    return address(file)


def address(file):
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            return json.loads(file.read_text())["address"]
        except (OSError, ValueError):
            time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


def worker(started, scheduler, threads="1"):
    return started("-m", "dask", "worker", scheduler, "--nthreads", threads, "--no-nanny", "--no-dashboard")


def two_workers(started, scheduler):
    """Two workers of which the scheduler knows."""
    both = worker(started, scheduler), worker(started, scheduler)
    waits = f"from distributed import Client\nClient({scheduler!r}).wait_for_workers(2, timeout=120)"
    subprocess.run([sys.executable, "-c", waits], env=ENVIRONMENT, check=True, capture_output=True)
    return both


def grade(root, control, seconds, scheduler):
    return subprocess.Popen(
        [sys.executable, HERE / "controlled.py", root, control, seconds, scheduler],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_class_on_a_cluster_that_loses_a_worker(root, tmp_path, started, scheduler):
    students = [f"s{i:02}" for i in range(16)]
    for student in students:
        small.submit(root, student, {})
    source = controlled(root, tmp_path / "control")
    first, second = two_workers(started, scheduler)
    run = grade(root, source.control, "0.5", scheduler)
    seen = source.control.glob
    give_up = time.monotonic() + 120
    while len(list(seen("*.tries"))) < 6 and run.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    first.kill()
    output, _ = run.communicate(timeout=240)
    assert run.returncode == 0, output
    assert {key[1] for key in small.rows(root)} == set(students)
    assert "16 graded" in output
    pids = {int(p) for file in seen("*.tries") for p in file.read_text().split()}
    assert pids == {first.pid, second.pid}
    assert sum(source.tries().values()) <= len(students) + 4
    assert second.poll() is None  # the cluster stays


def test_a_submission_that_kills_workers_costs_only_itself(root, tmp_path, started, scheduler):
    for student in ("ann", "dies", "eve"):
        small.submit(root, student, {})
    source = controlled(root, tmp_path / "control")
    # With a nanny, a killed worker comes back.
    started("-m", "dask", "worker", scheduler, "--nthreads", "1", "--nworkers", "2", "--no-dashboard")
    run = None
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        run = grade(root, source.control, "0", scheduler)
        output, _ = run.communicate(timeout=240)
        if "has no workers" not in output:  # they are still starting
            break
        time.sleep(1)
    assert run.returncode == 1, output
    assert {key[1] for key in small.rows(root)} == {"ann", "eve"}
    assert (
        "could not be graded: The grader's process ended (KilledWorker of Dask), with nothing beside."
        in output
    )


@pytest.mark.parametrize(
    ("threads", "says"),
    [(None, "has no workers"), ("2", "must have one thread: start them with `--nthreads 1`")],
)
def test_a_cluster_that_cannot_be_used_is_one_sentence(root, tmp_path, started, scheduler, threads, says):
    if threads:
        worker(started, scheduler, threads)
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        run = grade(root, tmp_path / "control", "0", scheduler)
        output, _ = run.communicate(timeout=120)
        if threads is None or "has no workers" not in output:
            break
        time.sleep(1)
    assert says in output
    assert "GradingError" in output  # the command line makes a sentence of it


@pytest.fixture
def lesson_class(course, tmp_path):
    """The course with a class of twelve."""
    root = shutil.copytree(course, tmp_path / "course")
    for student in STUDENTS:
        folder = root / "classroom" / "submitted" / student / LESSON
        folder.mkdir(parents=True)
        nbformat.write(handed_in(student), folder / "infonce.ipynb")
    return root


def handed_in(student):
    (source,) = lesson(LESSON)
    notebook = released(source) if student.startswith("stubs") else solved(source)
    if student.startswith("loses"):
        (cell,) = [cell for cell in notebook.cells if cell.id == "log_softmax_rows"]
        cell.source = PART
    return notebook


def expected():
    """What each kind of student earns, by cell: what `check` says of the answers at home."""
    checks = {}
    for cell in released(*lesson(LESSON)).cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade") and marks.get("locked") and asked_by(cell.source, exercises())[0]:
            checks[marks.grade_id] = marks.points
    names = {"torch": torch}
    exec(PART, names)
    part = examine("infonce.log_softmax_rows", names["log_softmax_rows"]).credit
    assert 0 < part < checks["check-log_softmax_rows"]
    return {
        "right": checks,
        "loses": checks | {"check-log_softmax_rows": part},
        "stubs": dict.fromkeys(checks, 0.0),
    }


def earned(root):
    found = {}
    with Gradebook(f"sqlite:///{root / 'classroom' / 'gradebook.db'}") as gradebook:
        for submission in gradebook.assignment_submissions(LESSON):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                grade.name: grade.auto_score for grade in notebook.grades if grade.name.startswith("check-")
            }
    return found


def finished(root):
    """How many submissions the ledger has; 0 before there is one."""
    try:
        with closing(
            sqlite3.connect(f"file:{root / 'classroom' / 'grading.sqlite'}?mode=ro", uri=True)
        ) as db:
            return db.execute("SELECT count(*) FROM submission").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def test_real_scores_are_exact_although_a_worker_is_killed(lesson_class, started, scheduler):
    root = lesson_class
    first, second = two_workers(started, scheduler)
    run = subprocess.Popen(
        [sys.executable, "-m", "course", "grade", LESSON, "--scheduler", scheduler, "--root", root],
        env=ENVIRONMENT | {"COURSE_SEED": "a secret"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    give_up = time.monotonic() + 240
    while finished(root) < 3 and run.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    below = processes.tree(first.pid)
    done = finished(root)
    first.kill()
    first.wait()
    output, _ = run.communicate(timeout=400)
    assert run.returncode == 0, output
    assert 3 <= done < len(STUDENTS), output
    assert len(below) > 1  # the warmed process, and what was being graded
    give_up = time.monotonic() + 10
    while any(map(processes.alive, (one.identity for one in below))) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert not [one for one in below if processes.alive(one.identity)]
    wanted = expected()
    assert earned(root) == {student: wanted[student[:5]] for student in STUDENTS}
    assert "12 graded" in output
    assert "start-up attacks stopped" in output
    # The cluster stays, and lets go of what a run left in it.
    assert second.poll() is None
    assert processes.children(second.pid) == []
