"""Read an assignment from its release alone, where there is no gradebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.releases import (
    ReleaseError,
    asked_by,
    assembled,
    course_directory,
    released_notebook,
    remedy,
)
from autograder.exercises import exercises

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory


def read_release(root: Path, name: str) -> Assignment:
    """Read what was released under `name` from the release alone, without a gradebook.

    It is the same where no hidden tests were taken out of the release.

    Raises
    ------
    ReleaseError
        If there is no release, or it cannot be read.
    """
    folders = course_directory(root)
    release = Path(folders.format_path(folders.release_directory, ".", name))
    notebooks = tuple(_from_release(folders, name, path.stem) for path in sorted(release.glob("*.ipynb")))
    if not notebooks:
        raise ReleaseError(f"There is no notebook in {release}. {remedy(name)}")
    return assembled(folders, name, notebooks)


def _from_release(folders: CourseDirectory, assignment: str, notebook: str) -> NotebookSpec:
    released = released_notebook(folders, assignment, notebook)
    cells = []
    for cell in released["cells"]:
        mark = cell.get("metadata", {}).get("nbgrader", {})
        if "grade_id" not in mark:
            continue
        source = "".join(cell["source"])
        asks = mark.get("locked", False) and mark.get("grade", False) and cell["cell_type"] == "code"
        exercise, variable = asked_by(source, exercises()) if asks else (None, None)
        cells.append(
            CellSpec(
                grade_id=mark["grade_id"],
                cell_type=cell["cell_type"],
                source=source,
                checksum=mark.get("checksum", ""),
                locked=mark.get("locked", False),
                grade=mark.get("grade", False),
                solution=mark.get("solution", False),
                task=mark.get("task", False),
                points=mark.get("points", 0.0),
                exercise=exercise,
                variable=variable,
            )
        )
    kernelspec = released.get("metadata", {}).get("kernelspec", {})
    texts = {key: value for key, value in kernelspec.items() if isinstance(value, str)}
    return NotebookSpec(name=notebook, cells=tuple(cells), kernelspec=texts)
