"""One class of attackers, with honest students between them, graded by `course grade` in one run."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus import ATTACKS, LESSON, Attack
from corpus.arena import SECRET, Arena, classroom_module, harm, make_clone, roster, tidy
from corpus.checks import scripts_in
from corpus.table import OURS, keep
from corpus.watch import Watch
from filelock import FileLock
from pydantic import BaseModel, Field

from autograder.classroom.ledger import Ledger
from autograder.classroom.outcome import Outcome
from autograder.classroom.submissions import shown, unfit

pytestmark = [pytest.mark.slow, pytest.mark.nbgrader, pytest.mark.timeout(7200)]

STUDENTS = roster(list(ATTACKS.values()))
HONEST = [student for student, who in STUDENTS.items() if isinstance(who, str)]
BY_NAME = {who.name: student for student, who in STUDENTS.items() if isinstance(who, Attack)}
#: How the report writes a name that cannot be a student's id.
SHOWN = {student: student if unfit(student) is None else shown(student) for student in STUDENTS}
#: Less time than for a class: attacks on time take all that they are given. And two processes more than cores,
#: because many attackers only wait; with more still, those who compute would run into the wall clock.
LIMITS = ("--cell-seconds", "3", "--jobs", str(len(os.sched_getaffinity(0)) + 2))
REPORT = ("report", LESSON, "--canvas", "classroom/canvas.csv", "--moodle", "classroom/moodle.csv")
CLIMBING = ("../x", "..", "/etc", "a/b", ".")


class Said(BaseModel):
    """What a command of ours said, and its exit status."""

    code: int
    text: str
    seconds: float


class Graded(BaseModel):
    """The class after the run: data only, so that test processes beside this one can read it."""

    grade: Said
    feedback: Said
    report: Said
    climbing: dict[str, Said]
    earned: dict[str, dict[str, float]]
    expected: dict[str, dict[str, float]]
    outcomes: dict[str, Outcome]
    harmed: dict[str, list[str]] = Field(default_factory=dict)
    holding_the_secret: list[str]
    formulas: list[str]
    scripts: dict[str, list[str]]
    strays: list[str]


@pytest.fixture(scope="session")
def graded(tmp_path_factory, worker_id):
    """The class, graded once, however many test processes there are."""
    own = tmp_path_factory.getbasetemp()
    kept = (own if worker_id == "master" else own.parent) / "hostile.json"
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            kept.write_text(_run(tmp_path_factory.mktemp("hostile-home")).model_dump_json())
    return Graded.model_validate_json(kept.read_text())


def _run(home: Path) -> Graded:
    """Grade everybody, and look at what came of it; that is kept for the table in docs, too."""
    clone = make_clone()
    room = classroom_module().Classroom(clone, home)
    with Watch() as watch:
        arena = Arena(room, STUDENTS, watch)
        grade, feedback, report = (
            _course(room, *command) for command in (("grade", LESSON, *LIMITS), ("feedback", LESSON), REPORT)
        )
        with Ledger(clone / "classroom" / "grading.sqlite", writable=False) as ledger:
            found = {outcome.student: outcome for outcome in ledger.outcomes(LESSON)}
        outcomes = {student: found[name] for student, name in SHOWN.items() if name in found}
        earned, harmed = arena.earned(), {}
        for name, student in BY_NAME.items():
            ran = arena.ran(student, earned, outcomes.get(student))
            harmed[name] = [*harm(ran, arena.possible), *_unsaid(ran.attack, ran.outcome)]
        climbing = {name: _course(room, "grade", LESSON, "--", name) for name in CLIMBING}
        strays = [
            str(path)
            for path in (clone / "classroom" / "x", clone / "x", clone.parent / "x")
            if path.exists()
        ]
        graded = Graded(
            grade=grade,
            feedback=feedback,
            report=report,
            climbing=climbing,
            earned=earned,
            expected=arena.honest(),
            outcomes=outcomes,
            harmed=harmed,
            holding_the_secret=_holding(clone, SECRET.encode()),
            formulas=_formulas(clone / "classroom"),
            scripts=_scripts(clone / "classroom"),
            strays=strays,
        )
    keep(OURS, {name: _told(graded, name) for name in BY_NAME})
    tidy([clone.parent])
    return graded


def _course(room, *arguments: str) -> Said:
    """Run a command of ours in a session of its own: an attack on a process group must not meet this one."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "course", *arguments],
        cwd=room.root,
        env=room.environment() | {"COURSE_SEED": SECRET, "COURSE_ROOT": str(room.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=6000,
        start_new_session=True,
    )
    text = done.stdout.decode(errors="replace")
    return Said(code=done.returncode, text=text, seconds=time.monotonic() - started)


def _unsaid(attack: Attack, outcome: Outcome | None) -> list[str]:
    """What the report does not say, or says without a reason."""
    if outcome is None:
        return ["not in the report"]
    kinds = {problem.kind for problem in outcome.problems}
    if attack.says is None:
        return []
    if attack.says and not attack.says & kinds:
        return [f"the report says {sorted(kinds) or 'nothing'}, not {' or '.join(sorted(attack.says))}"]
    if not attack.says and outcome.status != "graded":
        return [f"the report says {sorted(kinds)} of a submission without a problem"]
    return []


def _told(graded: Graded, name: str) -> str:
    """A line of the table."""
    outcome = graded.outcomes.get(BY_NAME[name])
    kinds = dict.fromkeys(problem.kind.replace("_", " ") for problem in outcome.problems) if outcome else {}
    said = "; ".join(graded.harmed[name]) or "ok"
    return f"{said} ({', '.join(kinds)})" if kinds else said


def _files(folder: Path):
    """Regular files below a folder, but not what was handed in."""
    for path in folder.rglob("*"):
        if (
            path.is_file()
            and not path.is_symlink()
            and "submitted" not in path.parts
            and path.stat().st_size < 1 << 30
        ):
            yield path


def _holding(folder: Path, secret: bytes) -> list[str]:
    return [os.fsdecode(path) for path in _files(folder) if secret in path.read_bytes()]


def _formulas(folder: Path) -> list[str]:
    """Cells of exports that a spreadsheet would run."""
    begun = []
    for path in _files(folder):
        if path.suffix == ".csv" and "autograded" not in path.parts:
            with path.open(newline="", encoding="utf-8") as file:
                for value in (value for row in csv.reader(file) for value in row):
                    number = value.lstrip("-").replace(".", "", 1).isdigit()
                    if value.startswith(("=", "+", "-", "@", "\t", "\r")) and not number:
                        begun.append(f"{path.name}: {value}")
    return begun


def _scripts(folder: Path) -> dict[str, list[str]]:
    """Pages that run what a student wrote; pages about one student are looked at attack by attack."""
    pages = [path for path in _files(folder) if path.suffix == ".html" and "feedback" not in path.parts]
    found = {path.name: sorted(scripts_in(path.read_text(errors="replace"))) for path in pages}
    return {name: scripts for name, scripts in found.items() if scripts}


def test_the_run_completes(graded):
    assert graded.grade.code == 1, graded.grade.text[-5000:]  # 1: some could not be graded
    assert graded.outcomes.keys() == STUDENTS.keys()
    assert "Traceback" not in graded.grade.text


def test_every_score_in_the_gradebook_is_the_ledgers(graded):
    for student, outcome in graded.outcomes.items():
        scores = {
            grade.grade_id.removeprefix("check-"): grade.score
            for notebook in outcome.notebooks
            for grade in notebook.grades
            if grade.score is not None
        }
        earned = graded.earned.get(student, {})
        assert {name: earned.get(name) for name in scores} == scores, student


@pytest.mark.parametrize("student", HONEST)
def test_an_honest_score_is_exact(graded, student):
    assert graded.earned.get(student) == graded.expected[student]
    assert graded.outcomes[student].status == "graded", graded.outcomes[student].problems


@pytest.mark.parametrize("name", BY_NAME)
def test_an_attack_gains_nothing_harms_nobody_and_is_reported(graded, name):
    assert graded.harmed[name] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_what_could_not_be_graded_is_no_silent_zero(graded, name):
    outcome = graded.outcomes[BY_NAME[name]]
    if outcome.status == "could not be graded":
        assert outcome.problems
    if outcome.status == "graded with problems":
        assert any(not problem.note for problem in outcome.problems)


def test_the_secret_is_nowhere(graded):
    """Nothing that a run leaves holds it: not the gradebook, not the ledger, not what was printed."""
    assert SECRET not in graded.grade.text + graded.feedback.text + graded.report.text
    assert graded.holding_the_secret == []


def test_feedback_and_report_are_written_for_such_a_class(graded):
    assert graded.feedback.code == 0, graded.feedback.text[-5000:]
    assert graded.report.code == 0, graded.report.text[-5000:]
    assert graded.formulas == []
    assert graded.scripts == {}


@pytest.mark.parametrize("name", CLIMBING)
def test_a_name_that_climbs_is_refused(graded, name):
    assert unfit(name)
    assert graded.climbing[name].code != 0
    assert "Traceback" not in graded.climbing[name].text
    assert graded.strays == []
