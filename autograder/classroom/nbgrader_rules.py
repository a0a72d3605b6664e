"""nbgrader's own rules about cells, without loading the rest of nbgrader."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from nbformat import NotebookNode

NO_RESPONSE = "No response."


@cache
def utils() -> ModuleType:
    """Load the module ``nbgrader.utils``.

    Importing it by name runs ``nbgrader/__init__.py``, which loads all of nbgrader's server extensions:
    two seconds in every worker. The file itself needs none of them, and takes a tenth of a second.
    """
    package = find_spec("nbgrader")  # finds the folder without importing it
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("nbgrader is not installed")
    path = Path(package.submodule_search_locations[0], "utils.py")
    spec = spec_from_file_location("autograder.classroom._nbgrader_utils", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{path} cannot be imported")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score_of_manual(cell: NotebookNode) -> float | None:
    """What nbgrader gives by itself to a graded cell that a person grades.

    Returns
    -------
    float or None
        0 if the cell is as it was released, None if somebody has to read it. Task cells are always read.
    """
    if not utils().is_grade(cell):
        return None
    if not utils().is_solution(cell) and cell.cell_type == "code":
        raise ValueError(f"{cell.metadata.nbgrader.grade_id!r} is graded by running it, not by a person")
    score, _ = utils().determine_grade(cell)
    return None if score is None else float(score)


def score_of_outputs(cell: NotebookNode) -> tuple[float, str | None]:
    """What nbgrader gives to a graded code cell for its outputs.

    Returns
    -------
    score : float
    problem : str or None
        Where nbgrader stops at what the cell returned: why, as a sentence. The score then is 0.
    """
    try:
        score, _ = utils().determine_grade(cell)
    except (KeyError, TypeError, ValueError) as error:
        grade_id = cell.metadata.nbgrader["grade_id"]
        return (
            0.0,
            f"What the cell {grade_id} returned is no score: {error.args[0] if error.args else error}.",
        )
    return float(score), None


def comments(notebook: NotebookNode) -> dict[str, str | None]:
    """Comment on each solution and task cell as nbgrader does: ``"No response."`` if it is as released."""
    return {
        cell.metadata.nbgrader["grade_id"]: NO_RESPONSE
        if cell.metadata.nbgrader.get("checksum") == utils().compute_checksum(cell)
        and not utils().is_task(cell)
        else None
        for cell in notebook.cells
        if utils().is_solution(cell) or utils().is_task(cell)
    }
