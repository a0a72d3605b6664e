"""One class of attackers, with honest students between them, graded by `course grade` in one run."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from dataclasses import dataclass, field

import pytest
from autograder.classroom.ledger import Ledger
from autograder.classroom.submissions import unfit
from corpus import ATTACKS, LESSON, Attack
from corpus.arena import SECRET, Arena, classroom_module, harm, make_clone, roster, tidy
from corpus.table import OURS, keep
from corpus.watch import Watch

from autograder.classroom.outcome import Outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.nbgrader,
    pytest.mark.xdist_group("hostile"),
    pytest.mark.timeout(5400),
]

STUDENTS = roster(list(ATTACKS.values()))
HONEST = [student for student, who in STUDENTS.items() if isinstance(who, str)]
#: How the report writes a name that cannot be a student's id.
SHOWN = {
    student: student if unfit(student) is None else student.encode("unicode_escape").decode()
    for student in STUDENTS
}
BY_NAME = {who.name: student for student, who in STUDENTS.items() if isinstance(who, Attack)}
LIMITS = ("--cell-seconds", "5", "--wall-seconds", "25")
RUN_SECONDS = 5000


@dataclass
class Graded:
    """The class after the run."""

    arena: Arena
    said: str
    code: int
    seconds: float
    earned: dict[str, dict[str, float]]
    outcomes: dict[str, Outcome]
    harmed: dict[str, list[str]] = field(default_factory=dict)


def course(room, *arguments, seconds=RUN_SECONDS):
    """Run a command of ours in a session of its own: an attack on a process group must not meet ours."""
    return subprocess.run(
        [sys.executable, "-m", "course", *arguments],
        cwd=room.root,
        env=room.environment() | {"COURSE_SEED": SECRET},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
        start_new_session=True,
    )


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    """The whole class, graded once; what came of it is kept for the table in docs."""
    clone = make_clone()
    room = classroom_module().Classroom(clone, tmp_path_factory.mktemp("hostile-home"))
    with Watch() as watch:
        arena = Arena(room, STUDENTS, watch)
        started = time.monotonic()
        done = course(room, "grade", LESSON, *LIMITS)
        seconds = time.monotonic() - started
        with Ledger(clone / "classroom" / "grading.sqlite", writable=False) as ledger:
            found = {outcome.student: outcome for outcome in ledger.outcomes(LESSON)}
        outcomes = {student: found[name] for student, name in SHOWN.items() if name in found}
        feedback = course(room, "feedback", LESSON)
        graded = Graded(
            arena, done.stdout + feedback.stdout, done.returncode, seconds, arena.earned(), outcomes
        )
        for name, student in BY_NAME.items():
            ran = arena.ran(student, graded.earned, outcomes.get(student))
            graded.harmed[name] = [*harm(ran, arena.possible), *unsaid(ran.attack, ran.outcome)]
        keep(OURS, {name: told(graded, name) for name in BY_NAME})
        yield graded
    tidy([clone.parent])


def unsaid(attack: Attack, outcome: Outcome | None) -> list[str]:
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


def told(graded: Graded, name: str) -> str:
    """A line of the table."""
    outcome = graded.outcomes.get(BY_NAME[name])
    kinds = dict.fromkeys(problem.kind.replace("_", " ") for problem in outcome.problems) if outcome else {}
    said = "; ".join(graded.harmed[name]) or "ok"
    return f"{said} ({', '.join(kinds)})" if kinds else said


def test_the_run_completes(graded):
    assert graded.code == 0, graded.said[-5000:]
    assert graded.outcomes.keys() == STUDENTS.keys()
    assert "Traceback" not in graded.said


def test_the_gradebook_and_the_ledger_agree(graded):
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
    assert graded.earned.get(student) == graded.arena.honest()[student]
    assert graded.outcomes[student].status == "graded", graded.outcomes[student].problems


@pytest.mark.parametrize("name", BY_NAME)
def test_an_attack_gains_nothing(graded, name):
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
    rest = SECRET.encode()
    assert SECRET not in graded.said
    holding = [
        path
        for path in graded.arena.room.root.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and path.stat().st_size < 1 << 30
        and rest in path.read_bytes()
    ]
    assert holding == []


def test_names_are_written_as_text(graded):
    """No cell of an export begins a formula, and no name breaks a line of it."""
    report = course(graded.arena.room, "report", LESSON, seconds=600)
    assert report.returncode == 0, report.stdout
    for path in (graded.arena.room.root / "classroom").rglob("*.csv"):
        if "submitted" in path.parts or "autograded" in path.parts:
            continue
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                for value in row:
                    number = value.replace(".", "", 1).lstrip("-").isdigit()
                    assert number or not value.startswith(("=", "+", "-", "@", "\t", "\r")), (path, row)


@pytest.mark.parametrize("climbing", ["../x", "..", "/etc", "a/b", "."])
def test_a_name_that_climbs_is_refused(graded, climbing):
    assert unfit(climbing)
    done = course(graded.arena.room, "grade", LESSON, "--student", climbing, seconds=120)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert not (graded.arena.room.root / "classroom" / "x").exists()
