"""The one writer of nbgrader's gradebook: a submission is one transaction, and people's work stays."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from nbgrader import api
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from autograder.classroom import gradebook_queries
from autograder.classroom.errors import GradingError
from autograder.classroom.gradebook_errors import (
    GradebookUnreachable,
    MergeError,
    is_everybodys,
    reason,
)
from autograder.classroom.gradebook_queries import Cells, date_of
from autograder.classroom.outcome import NotebookOutcome, Outcome

PATIENCE = 60  # seconds to wait for another writer of an sqlite gradebook, such as formgrader


class Writer:
    """Enters outcomes into a gradebook.

    It writes what the program found (automatic scores and comments, whether a person has to grade, the
    time of handing in, the late penalty) and never what people entered: manual scores, extra credit,
    comments, flags, extensions. A submission that could not be graded changes nothing: formgrader lists
    one without a row as "needs autograding", while a row would be exported like a real 0.

    Parameters
    ----------
    db_url : str
        Any database of nbgrader: ``sqlite:///…`` or ``postgresql://…``.
    course_id : str
    config : traitlets Config, optional
        For nbgrader's late penalties (``AssignLatePenalties``, ``LateSubmissionPlugin``).

    Raises
    ------
    GradingError
        If the gradebook cannot be opened.
    """

    def __init__(self, db_url: str, course_id: str, config: Any = None) -> None:
        try:
            url = make_url(db_url)
            self._sqlite = url.get_backend_name() == "sqlite"
            if self._sqlite and "timeout" not in url.query:
                url = url.update_query_dict({"timeout": str(PATIENCE)})
            self._gradebook = api.Gradebook(url.render_as_string(hide_password=False), course_id)
            if self._sqlite:
                event.listen(self._gradebook.engine, "connect", _never_losing)
                with self._gradebook.engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # formgrader reads meanwhile
            self._gradebook.engine.dispose()
        except ArgumentError as error:
            raise GradingError(f"{db_url!r} is not the URL of a database: {error}") from error
        except ModuleNotFoundError as error:
            raise GradingError(
                f"The gradebook's database needs the Python package {error.name!r}: install it first."
            ) from error
        except (SQLAlchemyError, api.InvalidEntry) as error:
            raise GradingError(f"The gradebook cannot be opened: {reason(error)}.") from error
        self._penalties = AssignLatePenalties(config=config)
        self._structures: dict[str, tuple[str, dict[str, Cells]]] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._gradebook.close()

    def knows(self, assignment: str) -> bool:
        """Whether the assignment is in the gradebook, with a notebook."""
        try:
            return bool(self._structure(assignment)[1])
        except MergeError:
            return False

    def submitted(self, assignment: str) -> set[str]:
        """The students who have scores of the assignment in the gradebook."""
        with self._gradebook.engine.connect() as connection:
            return gradebook_queries.submitted(connection, assignment)

    def waiting(self, assignment: str) -> dict[str, int]:
        """How many cells of each student wait for a person to grade them."""
        with self._gradebook.engine.connect() as connection:
            return gradebook_queries.waiting(connection, assignment)

    def merge(self, outcome: Outcome) -> None:
        """Enter one outcome, whole or not at all.

        Raises
        ------
        MergeError
            If it cannot be entered; the gradebook is as it was before.
        """
        if outcome.status == "could not be graded":
            return
        session = self._gradebook.db
        try:
            if self._sqlite:  # takes the lock before reading what people entered
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            self._enter(outcome)
            session.commit()
        except MergeError:
            session.rollback()
            raise
        except DBAPIError as error:
            session.rollback()
            kind = GradebookUnreachable if is_everybodys(error) else MergeError
            raise kind(f"the gradebook refused it: {reason(error)}") from error
        except Exception as error:  # a late-penalty plugin may raise anything, and others must go on
            session.rollback()
            raise MergeError(f"entering it failed with {type(error).__name__}: {error}") from error
        finally:
            session.expunge_all()  # keeps memory flat

    def _enter(self, outcome: Outcome) -> None:
        session = self._gradebook.db
        known = self._structure(outcome.assignment)[1]
        submission = self._submission(outcome)
        notebooks = {
            row.notebook_id: row
            for row in session.scalars(
                select(api.SubmittedNotebook).where(api.SubmittedNotebook.assignment_id == submission.id)
            )
        }
        ours = [row.id for row in notebooks.values()]
        grades = {
            (row.notebook_id, row.cell_id): row
            for row in session.scalars(
                select(api.Grade).where(api.Grade.notebook_id.in_(ours)).with_for_update()
            )
        }
        comments = {
            (row.notebook_id, row.cell_id): row
            for row in session.scalars(select(api.Comment).where(api.Comment.notebook_id.in_(ours)))
        }
        missing = {problem.notebook for problem in outcome.problems if problem.kind == "missing_notebook"}
        found = {notebook.name: notebook for notebook in outcome.notebooks}
        for name in sorted(found.keys() | (missing & known.keys()), key=str):
            if name not in known:
                raise MergeError(f"the gradebook has no notebook {name!r}: register the assignment again")
            cells, row = known[name], notebooks[known[name].id]
            result = found.get(name)
            if result is not None and result.graded:
                _write(result, cells, row, grades, comments)
                self._penalise(submission, row)
                continue
            for cell in cells.graded.values():
                grade = grades[row.id, cell]
                if name in missing or (result is not None and result.grades):  # as nbgrader does
                    grade.auto_score, grade.needs_manual_grade = 0.0, False
                else:  # nobody knows its score: a person has to look, and an earlier one stays
                    grade.needs_manual_grade = True

    def _submission(self, outcome: Outcome) -> Any:
        """The row of the submission, made with everything below it if it is new, as nbgrader makes it."""
        session = self._gradebook.db
        assignment, known = self._structure(outcome.assignment)
        submission = session.scalars(
            select(api.SubmittedAssignment).where(
                api.SubmittedAssignment.assignment_id == assignment,
                api.SubmittedAssignment.student_id == outcome.student,
            )
        ).one_or_none()
        date = date_of(outcome.timestamp)
        if submission is not None:
            submission.timestamp = date or submission.timestamp
            return submission
        if session.get(api.Student, outcome.student) is None:
            session.add(api.Student(id=outcome.student))
        submission = api.SubmittedAssignment(
            id=api.new_uuid(), assignment_id=assignment, student_id=outcome.student, timestamp=date
        )
        session.add(submission)
        for notebook in known.values():
            row = api.SubmittedNotebook(
                id=api.new_uuid(), notebook_id=notebook.id, assignment_id=submission.id
            )
            session.add(row)
            session.add_all(
                api.Grade(id=api.new_uuid(), cell_id=cell, notebook_id=row.id)
                for cell in notebook.graded.values()
            )
            session.add_all(
                api.Comment(id=api.new_uuid(), cell_id=cell, notebook_id=row.id)
                for cell in notebook.commented.values()
            )
        session.flush()
        return submission

    def _penalise(self, submission: Any, row: Any) -> None:
        """The late penalty of a notebook, by the configured plugin, as nbgrader assigns it."""
        row.late_submission_penalty = None
        late = submission.total_seconds_late
        if late <= 0:
            return
        self._gradebook.db.flush()  # the score is a sum in the database
        self._penalties.init_plugin()
        penalty = self._penalties.plugin_inst.late_submission_penalty(submission.student_id, row.score, late)
        if penalty is not None:
            row.late_submission_penalty = self._penalties._check_late_penalty(row, penalty)

    def _structure(self, assignment: str) -> tuple[str, dict[str, Cells]]:
        if assignment not in self._structures:
            with self._gradebook.engine.connect() as connection:
                found = gradebook_queries.structure(connection, assignment)
            if found is None:
                raise MergeError(f"the gradebook has no assignment {assignment!r}")
            self._structures[assignment] = found
        return self._structures[assignment]


def _write(
    result: NotebookOutcome,
    cells: Cells,
    row: Any,
    grades: dict[tuple[str, str], Any],
    comments: dict[tuple[str, str], Any],
) -> None:
    """Scores and automatic comments of one notebook."""
    for grade in result.grades:
        if grade.grade_id not in cells.graded:
            raise MergeError(
                f"the gradebook has no graded cell {grade.grade_id!r} in {result.name!r}: "
                "register the assignment again"
            )
        entry = grades[row.id, cells.graded[grade.grade_id]]
        entry.auto_score = grade.score
        # Nobody has seen the answer that a manual score now stands for.
        entry.needs_manual_grade = entry.manual_score is not None or grade.score is None
    for name, comment in result.comments.items():
        if name in cells.commented:
            comments[row.id, cells.commented[name]].auto_comment = comment


def _never_losing(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")  # a merge that is done outlives a power cut
