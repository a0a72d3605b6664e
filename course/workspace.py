"""The learner's own copies of the lessons: made once, brought up to date, reset; never overwritten.

``work/`` holds the copies, ``work/.base/`` the releases they came from (what an update compares with), and
``work/.backup/`` what a copy was before an update or a reset. All paths in results are relative to ``work/``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from course.errors import CourseError
from course.files import back_up, write

__all__ = ["Change", "first_notebook", "lessons", "outdated", "populate", "reset", "select", "update"]

BASE = ".base"
BACKUP = ".backup"


@dataclass(frozen=True)
class Change:
    """What happened to one of the learner's files.

    Attributes
    ----------
    path : the file, relative to ``work/``.
    summary : what happened, in words for the learner.
    backup : what the file was before, relative to ``work/``; None if nothing was replaced.
    """

    path: Path
    summary: str
    backup: Path | None = None

    def __str__(self) -> str:
        kept = f" (before: {self.backup.as_posix()})" if self.backup else ""
        return f"{self.path.as_posix()}: {self.summary}{kept}"


def lessons(notebooks: Path) -> list[str]:
    """Names of the released lessons (``01_infonce``), in order."""
    return sorted({path.parts[0] for path in _released(notebooks)})


def select(name: str | os.PathLike[str], notebooks: Path) -> list[Path]:
    """Released files that `name` means, relative to their folder.

    Parameters
    ----------
    name : a lesson (``01_infonce``, ``infonce``, ``01`` or ``1``), or the path of one of its files.

    Raises
    ------
    CourseError
        If nothing in the release is called that.
    """
    parts = PurePath(name).parts
    released = _released(notebooks)
    files = [path for path in released if path.parts == parts[-len(path.parts) :] or path.parts[1:] == parts]
    if files:
        return files
    last = parts[-1] if parts else ""
    files = [path for path in released if last in _lesson_names(path.parts[0])]
    if not files:
        raise CourseError(f"There is no lesson {str(name)!r}. The lessons: {', '.join(lessons(notebooks))}.")
    return files


def first_notebook(lesson: str | os.PathLike[str], notebooks: Path) -> Path:
    """The notebook of a lesson (see `select`) to open first: the one named like its topic."""
    found = [path for path in select(lesson, notebooks) if path.suffix == ".ipynb"]
    if not found:
        raise CourseError(f"{str(lesson)!r} has no notebook to open.")
    return min(found, key=lambda path: (path.stem not in _lesson_names(path.parts[0]), path))


def populate(work: Path, notebooks: Path) -> list[Path]:
    """Copy every released file that ``work/`` does not have; whatever is there stays as it is.

    Returns
    -------
    list of Path
        The new copies.
    """
    copied = []
    for path in _released(notebooks):
        if not os.path.lexists(work / path):
            _take_release(path, work, notebooks)
            copied.append(path)
    return copied


def outdated(work: Path, notebooks: Path) -> list[Path]:
    """The learner's copies that came from another release than the present one."""
    return [
        path
        for path in _released(notebooks)
        if (base := work / BASE / path).is_file() and base.read_bytes() != (notebooks / path).read_bytes()
    ]


def reset(name: str | os.PathLike[str], work: Path, notebooks: Path) -> list[Change]:
    """Put fresh copies of a lesson, or of one file, in place of the learner's, which are backed up first.

    Files that the learner added to the lesson's folder stay.
    """

    def fresh(path: Path) -> Change | None:
        copy = work / path
        if copy.exists() and copy.read_bytes() == (notebooks / path).read_bytes():
            _remember(path, work, notebooks)
            return None
        backup = _backed_up(path, work) if copy.exists() else None
        _take_release(path, work, notebooks)
        return Change(path, "a fresh copy", backup)

    return _each(select(name, notebooks), fresh)


def update(work: Path, notebooks: Path) -> list[Change]:
    """Bring the learner's copies to the present release: new files are copied, changed notebooks merged.

    A notebook keeps the learner's answers, cells and edits (see `course.merge`). Any other file follows the
    release only as long as the learner left it alone. Every file is backed up before it changes. A file that
    cannot be read as a notebook is reported and left alone.

    Returns
    -------
    list of Change
        One per file that changed or needs the learner's attention; empty if all was up to date.
    """

    def merged(path: Path) -> Change | None:
        copy, base, release = work / path, work / BASE / path, notebooks / path
        if not os.path.lexists(copy):
            _take_release(path, work, notebooks)
            return Change(path, "new")
        mine, now = copy.read_bytes(), release.read_bytes()
        before = base.read_bytes() if base.is_file() else None
        if mine == now:
            _remember(path, work, notebooks)
            return None
        if before == now:
            return None
        if mine == before:
            backup = _backed_up(path, work)
            _take_release(path, work, notebooks)
            return Change(path, "replaced by the new release; you had not changed it", backup)
        if path.suffix != ".ipynb":
            _remember(path, work, notebooks)
            return Change(path, f"yours is kept; `course reset {path.as_posix()}` takes the new release")
        return _merge_notebook(path, work, notebooks, before)

    return _each(_released(notebooks), merged)


def _merge_notebook(path: Path, work: Path, notebooks: Path, before: bytes | None) -> Change:
    from course import notebook_file  # nbformat takes a while to import: only an update needs it
    from course.merge import merge

    new = notebook_file.loads((notebooks / path).read_bytes())
    try:
        mine = notebook_file.loads((work / path).read_bytes())
        base = notebook_file.loads(before) if before is not None else None
        result = merge(base, mine, new)
        content = notebook_file.dumps(result.notebook)
    except ValueError as error:
        return Change(
            path,
            f"left alone, because it cannot be read as a notebook ({error}); "
            f"`course reset {path.as_posix()}` backs it up and starts afresh",
        )
    backup = _backed_up(path, work)
    write(work / path, content)
    _remember(path, work, notebooks)
    parts = [f"your answers kept: {', '.join(result.answers)}"] if result.answers else []
    counts = {
        "new": result.added,
        "revised": result.revised,
        "dropped": result.removed,
        "of yours kept beside the new text": result.beside,
    }
    cells = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    parts += [f"cells: {cells}"] if cells else []
    return Change(path, "; ".join(["merged with the new release", *parts]), backup)


def _each(paths: list[Path], act: Callable[[Path], Change | None]) -> list[Change]:
    try:
        changes = [act(path) for path in paths]
    except OSError as error:
        raise CourseError(f"Cannot read {error.filename}: {error.strerror or error}.") from error
    return [change for change in changes if change is not None]


def _released(notebooks: Path) -> list[Path]:
    found = sorted(
        path.relative_to(notebooks)
        for lesson in notebooks.glob("[0-9][0-9]_*")
        for path in lesson.rglob("*")
        if path.is_file()
    )
    found = [path for path in found if not any(re.match(r"\.|__pycache__", part) for part in path.parts)]
    if not found:
        raise CourseError(f"{notebooks} holds no lessons yet: run `course build`.")
    return found


def _lesson_names(folder: str) -> set[str]:
    number, _, topic = folder.partition("_")
    return {folder, topic, number, str(int(number))}


def _take_release(path: Path, work: Path, notebooks: Path) -> None:
    _remember(path, work, notebooks)  # first: a copy without its base could not be merged later
    write(work / path, (notebooks / path).read_bytes())


def _remember(path: Path, work: Path, notebooks: Path) -> None:
    release, base = (notebooks / path).read_bytes(), work / BASE / path
    if not base.is_file() or base.read_bytes() != release:
        write(base, release)


def _backed_up(path: Path, work: Path) -> Path:
    return back_up(work / path, work / BACKUP / path.parent).relative_to(work)
