"""A class of attackers with honest students between them, in a clone that everybody can read."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

from autograder.classroom.outcome import Outcome
from autograder.notebooks.build import build_release
from course.classroom import register

from .attack import LESSON, NOTEBOOK, Attack, Ran, Setting
from .checks import ALWAYS
from .honest import HONEST, expected
from .honest import steps as honest_steps
from .watch import Watch

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "autumn-4711-"
SECRET = PREFIX + "c0ffee-51ce-the-rest-of-it"  # attacks know how it begins, and look for the rest


def classroom_module() -> ModuleType:
    """The conftest of tests/classroom, for its `Classroom`."""
    name = "classroom_conftest"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "classroom" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


def make_clone() -> Path:
    """A clone with its lessons in the gradebook, where every account may read: only fences keep anybody out."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-class-"))
    folder.chmod(0o755)
    clone = folder / "clone"
    shutil.copytree(
        ROOT / "solutions", clone / "solutions", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__")
    )
    shutil.copy(ROOT / "nbgrader_config.py", clone)
    build_release(clone / "solutions", clone / "notebooks")
    register(clone)
    return clone


def roster(attacks: Sequence[Attack], every: int = 20) -> dict[str, Attack | str]:
    """Who hands in what, by student: attackers in order, an honest student before each `every` of them, and last."""
    honest, students = itertools.cycle(HONEST), {}
    for index, attack in enumerate(attacks):
        if index % every == 0:
            who = next(honest)
            students[f"s{index:03d}-a-{who}"] = who
        students[attack.student or f"s{index:03d}-b-{attack.name}"] = attack
    who = next(honest) if len(attacks) > every else "partial"
    students[f"s{len(attacks):03d}-z-{who}"] = who
    return students


class Arena:
    """A class in a clone.

    Parameters
    ----------
    room : Classroom
        See tests/classroom/conftest.py.
    students : mapping
        From `roster`.
    watch : Watch
    uid : int
        The account of a stock run; see `Setting`.
    """

    def __init__(self, room: Any, students: Mapping[str, Attack | str], watch: Watch, uid: int = -1):
        self.room, self.students, self.watch = room, students, watch
        self.right, self.possible = room.answers(), room.possible()
        victim = next(student for student, who in students.items() if isinstance(who, str))
        self.setting = Setting(room.root, watch.path, watch.port, watch.pid, PREFIX, victim, uid)
        for student, who in students.items():
            if isinstance(who, str):
                attack = Attack(who, "honest", "", tuple(honest_steps(who, self.right)), base="stubs")
                path = attack.make(student, self.setting, self.right) / f"{NOTEBOOK}.ipynb"
                watch.files[path] = path.read_bytes()
            else:
                who.make(student, self.setting, self.right)

    def honest(self) -> dict[str, dict[str, float]]:
        """What honest students must have, by student and exercise."""
        wanted: dict[str, dict[str, float]] = {}
        points = {
            who: expected(who, self.right, self.possible) for who in HONEST if who in self.students.values()
        }
        for student, who in self.students.items():
            if isinstance(who, str):
                wanted[student] = points[who]
        return wanted

    def earned(self) -> dict[str, dict[str, float]]:
        """What the program gave, by student and exercise, from nbgrader's gradebook."""
        found = {}
        with Gradebook(f"sqlite:///{self.room.root / 'classroom' / 'gradebook.db'}") as gradebook:
            for student in self.students:
                try:
                    grades = gradebook.find_submission_notebook(NOTEBOOK, LESSON, student).grades
                except MissingEntry:
                    continue
                found[student] = {g.name.removeprefix("check-"): float(g.auto_score or 0.0) for g in grades}
        return found

    def ran(
        self, student: str, earned: Mapping[str, dict[str, float]], outcome: Outcome | None = None
    ) -> Ran:
        """What came of an attacker."""
        attack = self.students[student]
        assert isinstance(attack, Attack)
        return Ran(attack, student, self.setting, earned.get(student), outcome, SECRET, self.watch)


def harm(ran: Ran, possible: Mapping[str, float]) -> list[str]:
    """What went wrong, in a few words each: points gained or lost, and what the checks say."""
    said = []
    most, least, earned = ran.attack.most(possible), ran.attack.least(possible), ran.earned
    if earned is None:
        said += ["no scores at all"] if any(least.values()) else []
    else:
        gained = sum(max(0.0, points - most.get(name, 0.0)) for name, points in earned.items())
        lost = sum(max(0.0, points - earned.get(name, 0.0)) for name, points in least.items())
        if gained:
            said.append(f"{gained:g} points of {sum(possible.values()):g} forged")
        if lost:
            said.append(f"{lost:g} points lost that were earned")
    checks = (*ALWAYS, *(check for check in ran.attack.checks if check not in ALWAYS))
    return said + [text for check in checks if (text := check(ran)) is not None]


def tidy(paths: Iterable[Path]) -> None:
    """Remove clones and what was left behind, whatever modes and depths attacks gave them."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            for folder, _, _ in os.walk(path):
                os.chmod(folder, 0o700)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
