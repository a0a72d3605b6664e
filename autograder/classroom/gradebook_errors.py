"""Why a gradebook does not take a submission."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError


class MergeError(Exception):
    """One submission could not be entered; the message says why, and the gradebook is as before."""


class GradebookUnreachable(MergeError):
    """The database itself is locked, full or gone: no other submission would fare better."""


def is_everybodys(error: DBAPIError) -> bool:
    """Whether every other submission would be refused too: the database is locked, full or gone."""
    name = type(error.orig).__name__
    return error.connection_invalidated or name in ("OperationalError", "InterfaceError")


def reason(error: BaseException) -> str:
    """The database's own words, in one line, without the statement and its values."""
    said = str(getattr(error, "orig", None) or error).strip()
    return " ".join(said.split()) or type(error).__name__
