"""``make classroom``: the lessons in nbgrader's gradebook, and formgrader on the whole course."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from course import paths
from course.errors import CourseError

__all__ = ["classroom", "register"]

CONFIG = "nbgrader_config.py"


def classroom(
    *,
    serve: bool = True,
    port: int | None = None,
    ip: str = "127.0.0.1",
    browser: bool | None = None,
    options: Sequence[str] = (),
) -> int:
    """Make the lessons known to nbgrader, then run formgrader and print its address until it is ended.

    Parameters
    ----------
    serve : whether to run formgrader; without it this returns as soon as the lessons are registered.
    port, ip, browser, options : see `course.lab.lab`.

    Returns
    -------
    int
        Exit status.

    Raises
    ------
    CourseError
        If a lesson cannot be registered, or the server does not start.
    """
    from course.lab import lab

    print(f"In the gradebook: {', '.join(register(paths.root()))}.", flush=True)
    if not serve:
        return 0
    return lab(classroom=True, port=port, ip=ip, browser=browser, options=options)


def register(root: Path) -> list[str]:
    """Build the notebooks with solutions, and enter all lessons in ``classroom/gradebook.db``.

    nbgrader enters a lesson only while it generates the release, skips one whose release exists (as in
    every fresh clone) and with ``--force`` would replace it. So its own converter runs here with the
    configuration of the course, but writes the release into a folder that is thrown away. This can be
    repeated: scores, students and due dates stay.

    Returns
    -------
    list of str
        Names of the lessons (``01_infonce``), in order.

    Raises
    ------
    CourseError
        If nbgrader refuses a lesson, or ``notebooks/`` is older than ``solutions/``: what students were
        given would not be what is graded.
    """
    # nbgrader takes seconds to import, which only this command should pay for.
    from traitlets.config.loader import PyFileConfigLoader

    from autograder.notebooks.build import build_solutions, differences, generate_assignment
    from autograder.notebooks.source import SourceError

    solutions = root / "solutions"
    config = PyFileConfigLoader(CONFIG, path=str(root)).load_config()
    (root / "classroom").mkdir(exist_ok=True)  # sqlite makes the gradebook, but not its folder
    try:
        built = build_solutions(solutions, into=solutions)
        lessons = sorted({path.parent.name for path in built})
        with tempfile.TemporaryDirectory() as scratch:
            config.CourseDirectory.root = str(root)
            config.CourseDirectory.release_directory = scratch
            for lesson in lessons:
                generate_assignment(lesson, config)
            stale = differences(Path(scratch), root / "notebooks")
    except SourceError as error:
        raise CourseError(
            f"{error} If its graded cells changed after submissions were graded, finish that class with the "
            "release that it was given, or move classroom/gradebook.db away for a new one."
        ) from error
    if stale:
        raise CourseError(
            f"{', '.join(stale)} in notebooks/ and the sources differ: run `course build`, and release again."
        )
    return lessons
