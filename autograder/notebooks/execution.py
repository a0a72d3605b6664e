"""The linter's rules that run a notebook in a real kernel."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.notebooks.rules.lesson import EXPERIMENT, Finding, Lesson, is_check

LIMIT = 600  # seconds per cell, experiments included


def run(notebook: NotebookNode, *, experiments: bool = False) -> NotebookNode:
    """A copy of a notebook, run from top to bottom past every error, in a folder of its own.

    Parameters
    ----------
    notebook : NotebookNode
        It stays as it is.
    experiments : bool
        Whether to run the cells tagged ``experiment`` as well.
    """
    copy = nbformat.from_dict(notebook)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            copy,
            timeout=LIMIT,
            kernel_name="python3",
            allow_errors=True,
            skip_cells_with_tag="" if experiments else EXPERIMENT,
            resources={"metadata": {"path": folder}},
        )
        # The lint is not a learner: nothing of it goes into anyone's progress.
        client.execute(env=os.environ | {"COURSE_PROGRESS": "off"})
    return copy


def solution_is_clean(lesson: Lesson, *, experiments: bool = False) -> list[str]:
    """The solved notebook raises nothing, leaves stderr empty, and every check earns all its points."""
    solved = run(lesson.solved, experiments=experiments)
    return lesson.say([*_troubles(solved), *_points_missed(solved)])


def untouched_runs_through(lesson: Lesson, *, experiments: bool = False) -> list[str]:
    """Run All goes through in a fresh copy of the release, whatever is not yet written."""
    if lesson.released is None:
        raise ValueError(f"{lesson.name} has not been released: run `course build`")
    return lesson.say_of_release(_troubles(run(lesson.released, experiments=experiments)))


def _points_missed(solved: NotebookNode) -> Iterator[Finding]:
    for position, cell in enumerate(solved.cells):
        if is_check(cell):
            points, shown = cell.metadata.nbgrader["points"], _value(cell)
            if shown != repr(float(points)):
                said = " ".join(o.text for o in cell.outputs if o.output_type == "stream").strip()
                yield position, f"the solution earns {shown} of {points} points. {said}"


def _troubles(executed: NotebookNode) -> Iterator[Finding]:
    for position, cell in enumerate(executed.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield position, f"it raises {output.ename}: {output.evalue}"[:200]
            elif output.output_type == "stream" and output.name == "stderr":
                yield position, f"it writes to stderr: {output.text.strip()}"[:200]


def _value(cell: NotebookNode) -> str:
    results = [output for output in cell.outputs if output.output_type == "execute_result"]
    return results[-1].data.get("text/plain", "nothing") if results else "nothing"
