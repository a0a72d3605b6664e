"""An assignment as released: what is graded, what it is worth, which cell asks for which exercise."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CellSpec(BaseModel):
    """One cell that nbgrader knows, as the instructor released it.

    Attributes
    ----------
    grade_id : str
        nbgrader's id of the cell.
    cell_type : {"code", "markdown", "raw"}
    source, checksum : str
        The released text and nbgrader's checksum of the cell; a locked cell is put back to it.
    locked, grade, solution, task : bool
        nbgrader's marks.
    points : float
        The most that the cell can earn; 0 for a cell that is not graded.
    exercise, variable : str or None
        For a cell that is one call ``check("<exercise>", <variable>)``: the exercise, and the name of the
        answer. The grader asks for observations of that answer. None: the cell's own outputs tell its score,
        as in nbgrader.
    """

    model_config = ConfigDict(frozen=True)

    grade_id: str
    cell_type: Literal["code", "markdown", "raw"]
    source: str
    checksum: str
    locked: bool
    grade: bool
    solution: bool
    task: bool = False
    points: float = 0.0
    exercise: str | None = None
    variable: str | None = None


class NotebookSpec(BaseModel):
    """One notebook of an assignment; ``cells`` in the order of the release."""

    model_config = ConfigDict(frozen=True)

    name: str
    cells: tuple[CellSpec, ...]
    kernelspec: dict[str, str] = Field(default_factory=dict)

    @property
    def graded(self) -> tuple[CellSpec, ...]:
        """The cells that earn points, by program or by a person."""
        return tuple(cell for cell in self.cells if cell.grade or cell.task)


class Assignment(BaseModel):
    """What was released under one name, with the files that lie beside its notebooks.

    Attributes
    ----------
    files : dict of str to bytes
        Files of the instructor that go beside every submission, and over a student's file of the same name.
    versions : dict of str to str
        For each exercise, a digest of everything that its score depends on.
    skipped_tags : tuple of str
        Cells with one of these tags are not run (nbgrader's ``Execute.skip_cells_with_tag``).
    cell_seconds : float or None
        The limit of a cell that the course's configuration sets (``Execute.timeout``).
    """

    model_config = ConfigDict(frozen=True)

    name: str
    notebooks: tuple[NotebookSpec, ...]
    files: dict[str, bytes] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    skipped_tags: tuple[str, ...] = ()
    cell_seconds: float | None = None
