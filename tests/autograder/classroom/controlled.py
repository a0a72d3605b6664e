"""The small course with what the fake grading reads; run as a program, it grades it in a process to be killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fake_grading as fake


def main() -> int:
    """Grade; the arguments are the course folder, the control folder, the seconds of each submission, and a scheduler."""
    from autograder.classroom.pool import Pool
    from autograder.classroom.running import run

    root, control, seconds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if len(sys.argv) > 4:
        from autograder.classroom.cluster import Cluster

        workers = Cluster(sys.argv[4], fake.prepare, fake.close)
    else:
        workers = Pool(2, fake.prepare, fake.close)
    try:
        summary = run(
            root, "ps1", workers, grade=fake.grade, source=controlled(root, control, seconds=seconds)
        )
    finally:
        workers.close()
    print("\n".join(summary.lines()))
    return summary.exit_status


def controlled(root: Path, control: Path, versions: dict[str, str] | None = None, **files: str):
    """The source of a run: the small course, with these support files besides."""
    import small_course

    class Controlled(small_course.Small):
        def tries(self) -> dict[str, int]:
            """How often each student was graded."""
            return {p.stem: len(p.read_text().splitlines()) for p in sorted(control.glob("*.tries"))}

    control.mkdir(exist_ok=True)
    found = Controlled(root, versions)
    found.control = control
    extra = {fake.CONTROL: os.fsencode(control)} | {key: value.encode() for key, value in files.items()}
    found.assignment = found.assignment.model_copy(update={"files": found.assignment.files | extra})
    return found


if __name__ == "__main__":
    sys.exit(main())
