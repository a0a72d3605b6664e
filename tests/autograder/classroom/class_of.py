"""A class of any size: real verdicts on real answers to lesson 01, dealt out to students."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

from autograder import examine
from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome, Problem
from autograder.exercises import load

ROOT = Path(__file__).resolve().parents[3]
CHECKED = [
    "l2_normalize",
    "similarity_logits",
    "log_softmax_rows",
    "clip_loss",
    "normalize_grad",
    "recall_at_k",
]
#: Mistakes that can be made on top of each other: outer, inner.
TWO = {"infonce.clip_loss": ("divides", "same_side_twice")}
LESSON, NOTEBOOK = "01_infonce", "infonce"


def assignment(names: list[str] = CHECKED) -> Assignment:
    """Lesson 01 as released, with some of its checks and its explanation."""
    cells = json.loads((ROOT / "notebooks" / LESSON / f"{NOTEBOOK}.ipynb").read_text())["cells"]
    wanted = {*names, *(f"check-{name}" for name in names), "explain_ceiling"}
    made = []
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        if (name := marks.get("grade_id")) in wanted:
            made.append(
                CellSpec(
                    grade_id=name,
                    cell_type=cell["cell_type"],
                    source="".join(cell["source"]),
                    checksum="",
                    locked=marks["locked"],
                    grade=marks["grade"],
                    solution=marks["solution"],
                    points=marks.get("points", 0.0),
                    exercise=f"infonce.{name.removeprefix('check-')}" if name.startswith("check-") else None,
                    variable=name.removeprefix("check-") if name.startswith("check-") else None,
                )
            )
    return Assignment(name=LESSON, notebooks=(NotebookSpec(name=NOTEBOOK, cells=tuple(made)),))


@cache
def verdicts(exercise_id: str) -> dict[str, dict]:
    """The verdict of the reference, of every known mistake, of a pair of mistakes and of an untouched stub."""
    exercise = load(exercise_id)
    right = next(iter(exercise.correct.values()))  # calling the reference itself would earn nothing
    answers = {name: mistake.on(right) for name, mistake in exercise.misconceptions.items()}
    if exercise_id in TWO:
        outer, inner = (exercise.misconceptions[name] for name in TWO[exercise_id])
        answers["two"] = outer.on(inner.on(right))

    def untouched(*args, **kwargs):
        raise NotImplementedError

    answers |= {"right": right, "untouched": untouched}
    found = {name: examine(exercise_id, answer).to_json() for name, answer in answers.items()}
    # Some mistakes are written with functions of course_lib, which a student may not hand in.
    return {name: verdict for name, verdict in found.items() if verdict["problem"] != "own_work"}


def graded(exercise_id: str, answer: str, **more) -> CellGrade:
    """The grade of a check cell with one of `verdicts`."""
    verdict = verdicts(exercise_id)[answer]
    given = {"score": verdict["credit"], "points": verdict["points"], "verdict": verdict} | more
    return CellGrade(grade_id=f"check-{exercise_id.partition('.')[2]}", exercise=exercise_id, **given)


def explained(score: float | None = None) -> CellGrade:
    return CellGrade(grade_id="explain_ceiling", points=2, score=score)


def outcome(student: str, answers: dict[str, str], **more) -> Outcome:
    """A submission with these answers, the others right."""
    grades = [graded(f"infonce.{name}", answers.get(name, "right")) for name in CHECKED]
    notebook = NotebookOutcome(name=NOTEBOOK, graded=True, grades=[*grades, explained()])
    return Outcome(
        **({"student": student, "assignment": LESSON, "status": "graded", "notebooks": [notebook]} | more)
    )


def failed(student: str, text: str = "The notebook is not JSON.") -> Outcome:
    problem = Problem(kind="unreadable", text=text, notebook=NOTEBOOK)
    return Outcome(student=student, assignment=LESSON, status="could not be graded", problems=[problem])


def class_of(size: int, seed: int = 0) -> list[Outcome]:
    """A plausible class: ability decides how many answers are right; a few things go wrong."""
    dice = random.Random(seed)
    made = []
    for number in range(size):
        student, ability = f"student{number:03}", dice.random()
        if number % 29 == 17:
            made.append(failed(student))
            continue
        answers = {}
        for place, name in enumerate(CHECKED):
            if dice.random() > 0.35 + ability - 0.08 * place:
                known = [one for one in verdicts(f"infonce.{name}") if one != "right"]
                answers[name] = known[min(int(dice.expovariate(0.8)), len(known) - 1)]
        one = outcome(student, answers)
        if number % 13 == 5:
            text = "A cell ran for 120 s of CPU time and was stopped."
            one.problems.append(Problem(kind="timed_out", text=text, notebook=NOTEBOOK, cell="clip_loss"))
            one.status = "graded with problems"
        if number % 17 == 3:
            one.notebooks[0].grades[3].hidden_failed = True
            one.notebooks[0].grades[3].score = 1.0
        if number % 11 == 2:
            one.problems.append(
                Problem(kind="kernel", text="Ran in a kernel: it needs `%%bash`.", notebook=NOTEBOOK)
            )
        made.append(one)
    return made
