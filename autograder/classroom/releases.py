"""Read an assignment as it was released: from nbgrader's gradebook, its release and its source folder."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.task import Limits
from autograder.classroom.versions import versions
from autograder.exercises import exercises

if TYPE_CHECKING:
    from nbgrader.api import Notebook
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

CONFIG = "nbgrader_config.py"
EXECUTION = ("NotebookClient", "ExecutePreprocessor", "Execute")  # the later ones inherit, and prevail


class ReleaseError(LookupError):
    """The assignment is not there, or not as it has to be; the message says what to run."""


def read_config(root: Path) -> Config:
    """Read ``nbgrader_config.py`` of the course at `root`, with `root` as nbgrader's folder.

    Raises
    ------
    ReleaseError
        If ``nbgrader_config.py`` cannot be read.
    """
    from traitlets.config.loader import Config, PyFileConfigLoader

    config = Config()
    if (root / CONFIG).exists():  # without one, nbgrader uses its default folders
        try:
            config = PyFileConfigLoader(CONFIG, path=str(root)).load_config()
        except Exception as error:  # it is code: it can raise anything
            raise ReleaseError(
                f"{root / CONFIG} cannot be read ({type(error).__name__}: {error}). Put it right first."
            ) from error
    config.CourseDirectory.root = str(root.resolve())
    return config


def course_directory(root: Path) -> CourseDirectory:
    """Find nbgrader's folders and the address of its gradebook, for the course at `root`."""
    # nbgrader takes two seconds to import, which only those who read a course should pay for.
    from nbgrader.coursedir import CourseDirectory

    return CourseDirectory(config=read_config(root))


def read_assignment(root: Path, name: str, db_url: str | None = None) -> Assignment:
    """Read what was released under `name`.

    The gradebook knows the graded, solution and locked cells, their full text (hidden tests included) and
    their points. The order of cells comes from the released notebook; from the source notebook if there is
    no release.

    Parameters
    ----------
    root : Path
        The course: the folder with ``nbgrader_config.py``.
    name : str
        nbgrader's name of the assignment, such as ``"01_infonce"``.
    db_url : str, optional
        A gradebook other than the configured one.

    Raises
    ------
    ReleaseError
        If the gradebook does not know the assignment, or neither release nor source has its notebooks.
    """
    from nbgrader.api import Gradebook, MissingEntry

    folders = course_directory(root)
    folders.db_url = db_url or folders.db_url
    _need_gradebook(folders.db_url, name)
    with Gradebook(folders.db_url, folders.course_id) as gradebook:
        try:
            found = gradebook.find_assignment(name)
        except MissingEntry as error:
            known = ", ".join(sorted(other.name for other in gradebook.assignments)) or "none"
            raise ReleaseError(
                f"The gradebook knows no assignment {name!r} (it knows: {known}). {remedy(name)}"
            ) from error
        notebooks = tuple(_notebook(folders, name, notebook) for notebook in found.notebooks)
    if not notebooks:
        raise ReleaseError(f"The gradebook has no notebook of assignment {name!r}. {remedy(name)}")
    return assembled(folders, name, notebooks)


def assembled(folders: CourseDirectory, name: str, notebooks: tuple[NotebookSpec, ...]) -> Assignment:
    """Put together the notebooks of an assignment and what else belongs to it."""
    asked = {cell.exercise for notebook in notebooks for cell in notebook.cells if cell.exercise}
    files = support_files(folders, name)
    execute = folders.config.get("Execute", {})
    return Assignment(
        name=name,
        notebooks=notebooks,
        files=files,
        versions=versions(asked),
        skipped_tags=tuple(str(execute.get("skip_cells_with_tag", "")).split()),
        cell_seconds=_cell_seconds(folders.config),
    )


def _cell_seconds(config: Config) -> float | None:
    """The limit of a cell that the course sets, in nbgrader's words or in nbconvert's.

    Raises
    ------
    ReleaseError
        If it is none.
    """
    found = {name: config[name]["timeout"] for name in EXECUTION if "timeout" in config.get(name, {})}
    if not found:
        return None
    name, seconds = list(found.items())[-1]
    if seconds is not None and not isinstance(seconds, int):  # as nbgrader wants it
        raise ReleaseError(
            f"{name}.timeout in {CONFIG} must be a whole number of seconds; it is {seconds!r}."
        )
    # None, 0 or less is no end for nbgrader; here the limit of a notebook is left.
    return float(seconds) if seconds and seconds > 0 else Limits().notebook_seconds


def support_files(folders: CourseDirectory, name: str) -> dict[str, bytes]:
    """The files that nbgrader copies from the source over every submission, by relative path.

    Whatever the configuration ignores stays out, such as the lesson sources with their answers.
    """
    from nbgrader.utils import find_all_files

    source = folders.format_path(folders.source_directory, ".", name)
    kept = folders.config.get("Autograde", {}).get("exclude_overwriting", {}).get(name, [])
    found = {
        Path(os.path.relpath(path, source)).as_posix(): Path(path)
        for path in find_all_files(source, [*folders.ignore, "*.ipynb"])
    }
    return {path: found[path].read_bytes() for path in sorted(found) if path not in kept}


def _need_gradebook(db_url: str, name: str) -> None:
    """Connecting would make an empty gradebook where there is none."""
    from sqlalchemy.engine import make_url

    url = make_url(db_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise ReleaseError(f"There is no gradebook at {url.database}. {remedy(name)}")


def remedy(name: str) -> str:
    """What to run so that an assignment is released and in the gradebook."""
    return (
        "Run `make classroom`, which enters our lessons, or `nbgrader generate_assignment "
        f"{name}` for an assignment of your own."
    )


def _notebook(folders: CourseDirectory, assignment: str, known: Notebook) -> NotebookSpec:
    released = released_notebook(folders, assignment, known.name)
    marks = [cell.get("metadata", {}).get("nbgrader", {}) for cell in released["cells"]]
    order = {mark.get("grade_id"): place for place, mark in enumerate(marks)}
    points = {cell.name: cell.max_score for cell in [*known.grade_cells, *known.task_cells]}
    graded, solutions, tasks = (
        {cell.name for cell in cells} for cells in (known.grade_cells, known.solution_cells, known.task_cells)
    )
    cells = []
    # What the release no longer has goes to the end: nbgrader still expects scores for it.
    for cell in sorted(known.source_cells, key=lambda cell: order.get(cell.name, len(marks))):
        asks = cell.locked and cell.name in graded and cell.cell_type == "code"
        exercise, variable = asked_by(cell.source, exercises()) if asks else (None, None)
        cells.append(
            CellSpec(
                grade_id=cell.name,
                cell_type=cell.cell_type,
                source=cell.source or "",
                checksum=cell.checksum or "",
                locked=cell.locked,
                grade=cell.name in graded,
                solution=cell.name in solutions,
                task=cell.name in tasks,
                points=points.get(cell.name, 0.0),
                exercise=exercise,
                variable=variable,
            )
        )
    kernelspec = json.loads(known.kernelspec) if known.kernelspec else {}
    kernelspec = kernelspec or released.get("metadata", {}).get("kernelspec", {})
    texts = {key: value for key, value in kernelspec.items() if isinstance(value, str)}
    return NotebookSpec(name=known.name, cells=tuple(cells), kernelspec=texts)


def released_notebook(folders: CourseDirectory, assignment: str, notebook: str) -> dict[str, Any]:
    """The released notebook, or its source."""
    tried = [
        Path(folders.format_path(step, ".", assignment), f"{notebook}.ipynb")
        for step in (folders.release_directory, folders.source_directory)
    ]
    for path in tried:
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    raise ReleaseError(f"There is no {tried[0]}, and no {tried[1]}. {remedy(assignment)}")


def asked_by(source: str, known: Iterable[str]) -> tuple[str | None, str | None]:
    """The exercise and the answer's name, if the source is one call ``check("<exercise>", <name>)``.

    Anything beside that call, such as a second statement, makes it a cell like any other.

    Examples
    --------
    >>> asked_by('check("infonce.clip_loss", clip_loss)', ["infonce.clip_loss"])
    ('infonce.clip_loss', 'clip_loss')
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):  # not Python, or IPython's own syntax
        return None, None
    match body:
        case [
            ast.Expr(
                ast.Call(
                    func=ast.Name("check"),
                    args=[ast.Constant(str() as exercise), ast.Name(variable)],
                    keywords=[],
                )
            )
        ] if exercise in known:
            return exercise, variable
    return None, None
