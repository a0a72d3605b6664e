"""One notebook of a submission, from its first cell to its score."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.classroom import outputs
from autograder.classroom.assignment import CellSpec, NotebookSpec
from autograder.classroom.judging import Inside, NoVerdict, public_facts, verdict
from autograder.classroom.nbgrader_rules import comments, score_of_manual, score_of_outputs
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Problem, ProblemKind
from autograder.classroom.pulling import Room, Shown
from autograder.classroom.task import Task
from autograder.classroom.waiting import Stopped
from autograder.classroom.warmed import Warmed
from autograder.points import Points

#: How often a notebook is begun anew, without the cell that ended it.
BEGINNINGS = 4
BEFORE = -1  # in place of a cell's number, before the first one


class _NeedsKernel(Exception):
    """A cell asked for what only a kernel has."""


class Sitting:
    """Grades one notebook.

    Parameters
    ----------
    warmed : Warmed
        What its process is forked from.
    spec : NotebookSpec
        The notebook as released: it alone says what is graded.
    task : Task
    files : mapping
        What lies beside the notebook.
    """

    def __init__(self, warmed: Warmed, spec: NotebookSpec, task: Task, files: Mapping[str, bytes]) -> None:
        self._warmed = warmed
        self._spec = spec
        self._task = task
        self._files = {name: content for name, content in files.items() if not name.endswith(".ipynb")}
        self._released = {cell.grade_id: cell for cell in spec.cells}
        self._pulled = [cell for cell in spec.graded if cell.exercise and cell.variable]
        self._slots = {cell.grade_id: slot for slot, cell in enumerate(self._pulled)}
        self._left_out: dict[int, Stopped] = {}
        self._limits = task.limits
        self._kernel = False
        self._cell = BEFORE
        self.problems: list[Problem] = []
        self.alone = False

    def grade(self, notebook: NotebookNode) -> NotebookOutcome:
        """Run the notebook's cells, write what they show into it, and judge.

        Raises
        ------
        Stopped
            If it is the warmed process that failed, not the notebook.
        """
        grades: dict[str, CellGrade] = {}
        cpu = judging = 0.0
        for _ in range(BEGINNINGS):
            _forget_outputs(notebook)
            self._cell = BEFORE
            try:
                with Room(
                    self._warmed.connection, self._limits, len(self._pulled), kernel=self._kernel
                ) as room:
                    try:
                        self._run(room, notebook)
                    finally:
                        cpu += room.cpu_seconds()
                    before, began = room.cpu_seconds(), time.process_time()
                    grades = self._judge(room, notebook)
                    self.alone = self.alone or room.starved
                    judging = room.cpu_seconds() - before + time.process_time() - began
            except _NeedsKernel:
                continue
            except Stopped as stop:
                if stop.kind == "grader_failed":
                    raise
                self._note(stop)
                if self._cell == BEFORE or self._cell in self._left_out:
                    break
                self._left_out[self._cell] = stop
                continue
            break
        return NotebookOutcome(
            name=self._spec.name,
            graded=True,
            grades=[
                grades.get(cell.grade_id) or self._by_outputs(cell, notebook) for cell in self._spec.graded
            ],
            comments=comments(notebook),
            cpu_seconds=cpu,
            judging_seconds=judging,
        )

    def _run(self, room: Room, notebook: NotebookNode) -> None:
        room.start(self._files, public_facts(topics_of(self._spec)))
        known = {cell.exercise for cell in self._pulled if cell.exercise}
        inside = Inside(known) if known else None
        number = 0
        for self._cell, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or self._skipped(cell) or not cell.source.strip():
                continue
            if room.known_cpu > self._limits.notebook_seconds:
                self._say("timed_out", "Its cells took more time than a notebook may: the rest was not run.")
                return
            number += 1
            cell.execution_count = number
            if self._cell in self._left_out:
                cell.outputs = [_why(self._left_out[self._cell])]
                continue
            released = self._graded(cell)
            shown = room.run(cell.source, number, released.exercise if released else None, inside)
            if shown.wants_kernel and not self._kernel:
                self._kernel = True
                self._say("kernel", f"It was run in a real kernel, since a cell uses {shown.wants_kernel}.")
                raise _NeedsKernel
            self._keep(cell, shown)
            self._change(notebook, shown.earlier)
            if released and released.grade_id in self._slots and released.variable:
                room.freeze(self._slots[released.grade_id], released.variable)

    def _keep(self, cell: NotebookNode, shown: Shown) -> None:
        cleaned = outputs.clean(shown.outputs, self._limits.output_bytes)
        cell.outputs = outputs.limit_lines(cleaned)  # before scoring, as nbgrader does
        if shown.cut or outputs.was_cut(cleaned):
            self._say("output_cut", "It showed more than a cell may show: the rest was cut off.")
        if shown.interrupted:
            self._note(shown.interrupted)

    def _change(self, notebook: NotebookNode, earlier: object) -> None:
        """Keep what a cell in a kernel changed of what earlier ones show."""
        if isinstance(earlier, dict):
            for cell in notebook.cells[: self._cell]:
                changed = earlier.get(str(cell.get("execution_count")))
                if changed is not None and cell.cell_type == "code":
                    cell.outputs = outputs.clean(changed, self._limits.output_bytes)

    def _judge(self, room: Room, notebook: NotebookNode) -> dict[str, CellGrade]:
        """Judge the frozen answers. From here on nothing that the student's process emits is kept."""
        cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if _marked(cell)}
        grades = {}
        for spec in self._pulled:
            cell, slot = cells[spec.grade_id], self._slots[spec.grade_id]
            assert spec.exercise is not None
            room.stops.clear()
            try:
                judged = verdict(room, slot, spec.exercise, self._task.key)
            except NoVerdict as nothing:
                grades[spec.grade_id] = self._grade_of(spec, 0.0, None)
                if str(nothing):
                    cell.outputs = _verdict_outputs(str(nothing), 0.0, spec.points, cell.execution_count)
                continue
            except Exception as error:  # whatever it was told, the grader goes on; a person has to look
                what = f"{type(error).__name__} while judging {spec.exercise}: a person has to grade it."
                self.problems.append(
                    Problem(kind="grader_failed", text=what, notebook=self._spec.name, cell=spec.grade_id)
                )
                grades[spec.grade_id] = self._grade_of(spec, None, None)
                continue
            for stop in room.stops:
                text = f"When {spec.exercise} was looked at, {stop.text}."
                self.problems.append(
                    Problem(kind=stop.kind, text=text, notebook=self._spec.name, cell=spec.grade_id)
                )
            credit = min(judged.verdict.credit, spec.points)
            grades[spec.grade_id] = self._grade_of(
                spec, credit, judged.verdict.to_json(), hidden_failed=judged.hidden_failed
            )
            cell.outputs = _verdict_outputs(judged.verdict.text, credit, spec.points, cell.execution_count)
        return grades

    def _by_outputs(self, spec: CellSpec, notebook: NotebookNode) -> CellGrade:
        """The score of a cell that no exercise judges: by nbgrader's own rules."""
        if spec.exercise:  # it was never reached
            return self._grade_of(spec, 0.0, None)
        (cell,) = [
            one for one in notebook.cells if _marked(one) and one.metadata.nbgrader.grade_id == spec.grade_id
        ]
        by_program = spec.grade and not spec.solution and cell.cell_type == "code"
        if by_program:
            score, problem = score_of_outputs(cell)
            if problem:
                self.problems.append(
                    Problem(kind="protocol", text=problem, notebook=self._spec.name, cell=spec.grade_id)
                )
        return CellGrade(
            grade_id=spec.grade_id,
            points=spec.points,
            score=score if by_program else score_of_manual(cell),
            self_reported=by_program,
        )

    def _grade_of(
        self,
        spec: CellSpec,
        score: float | None,
        verdict: dict[str, Any] | None,
        *,
        hidden_failed: bool = False,
    ) -> CellGrade:
        return CellGrade(
            grade_id=spec.grade_id,
            points=spec.points,
            score=score,
            exercise=spec.exercise,
            version=self._task.assignment.versions.get(spec.exercise or ""),
            verdict=verdict,
            hidden_failed=hidden_failed,
        )

    def _graded(self, cell: NotebookNode) -> CellSpec | None:
        return self._released.get(cell.metadata.nbgrader.grade_id) if _marked(cell) else None

    def _skipped(self, cell: NotebookNode) -> bool:
        tags = cell.metadata.get("tags", [])
        return any(tag in self._task.assignment.skipped_tags for tag in tags) and self._graded(cell) is None

    def _note(self, stop: Stopped) -> None:
        where = "Before its first cell, " if self._cell == BEFORE else ""
        text = where + stop.text
        self._say(stop.kind, text[0].upper() + text[1:] + ".")
        self.alone = self.alone or stop.waited

    def _say(self, kind: ProblemKind, text: str) -> None:
        cell = None if self._cell == BEFORE else f"cell {self._cell + 1}"
        self.problems.append(Problem(kind=kind, text=text, notebook=self._spec.name, cell=cell))


def topics_of(spec: NotebookSpec) -> tuple[str, ...]:
    """The topics of the exercises that a notebook asks for."""
    return tuple(sorted({cell.exercise.partition(".")[0] for cell in spec.cells if cell.exercise}))


def _marked(cell: NotebookNode) -> bool:
    return "grade_id" in cell.metadata.get("nbgrader", {})


def _forget_outputs(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _why(stop: Stopped) -> NotebookNode:
    said = f"This cell was left out: when it ran, {stop.text}."
    return new_output("error", ename="Stopped", evalue=said, traceback=[f"Stopped: {said}"])


def _verdict_outputs(text: str, credit: float, points: float, number: int | None) -> list[NotebookNode]:
    """What a check leaves in a notebook that a kernel runs: the words, and the points as the cell's value."""
    value = Points(credit, points)
    return [
        new_output("stream", name="stdout", text=f"{text}\n"),
        new_output(
            "execute_result",
            data={"text/plain": repr(value), "text/html": value._repr_html_()},
            execution_count=number,
        ),
    ]
