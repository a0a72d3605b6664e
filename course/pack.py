"""``course pack --students``: the notebooks and a wheel, without answers, mistakes and class grading."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml

from course.errors import CourseError
from course.files import write

__all__ = ["ARCHIVE", "pack_students"]

ARCHIVE = "clip-to-int8-students.zip"
PACKAGES = ("course", "course_lib", "autograder", "drills")
#: What students have no use for, or should not have: grading, building and proving.
LEFT_OUT = (
    "autograder/classroom",
    "autograder/notebooks",
    "autograder/gate.py",
    "autograder/impostors.py",
    "autograder/declaration.py",
    "course/claims.py",
    "course/classroom.py",
    "course/grading.py",
    "course/pack.py",
    "course/reporting.py",
)
EPOCH = "315532800"  # 1980-01-01, the first day that a zip can tell: the same sources give the same bytes
README = """# From CLIP to INT8

The notebooks of the course, and the package that they import.

    python -m venv .venv
    . .venv/bin/activate            # Windows: .venv\\Scripts\\activate
    pip install {wheel} -c constraints.txt
    jupyter lab notebooks

The check under an exercise says at once whether an answer is right, and where its numbers differ if it is
not. It is there for learning and earns no marks: hand your notebooks in as your instructor told you, without
renaming them and without deleting or copying cells. Tests that you write are judged fully only when they are
graded.
"""


def pack_students(root: Path, into: Path) -> Path:
    """Write the archive that students are given.

    Parameters
    ----------
    root : Path
        Of the clone.
    into : Path
        A folder; made if it is missing.

    Returns
    -------
    Path
        Of the archive: ``notebooks/``, a wheel, ``constraints.txt`` and ``README.md``.

    Raises
    ------
    CourseError
        If ``notebooks/`` holds an answer, or the wheel cannot be built.
    """
    with tempfile.TemporaryDirectory() as scratch:
        tree, made = Path(scratch, "tree"), Path(scratch, "made")
        _copy(root, tree)
        wheel = _build(tree, made)
        shutil.copytree(
            root / "notebooks", made / "notebooks", ignore=shutil.ignore_patterns(".*", "__pycache__")
        )
        _look_for_answers(made / "notebooks")
        shutil.copy(root / "constraints.txt", made)
        (made / "README.md").write_text(README.format(wheel=wheel.name), encoding="utf-8")
        archive = Path(scratch, ARCHIVE)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path in sorted(one for one in made.rglob("*") if one.is_file()):
                entry = zipfile.ZipInfo(f"clip-to-int8/{path.relative_to(made).as_posix()}")
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                zipped.writestr(entry, path.read_bytes())
        write(into / ARCHIVE, archive.read_bytes())
    return into / ARCHIVE


def _copy(root: Path, tree: Path) -> None:
    """The packages as students get them, and what is needed to build a wheel of them."""
    from autograder.classroom.stripping import StrippingError, strip_exercises
    from autograder.exercises.registry import index, of_topic

    names = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    for package in PACKAGES:
        if (root / package).is_dir():
            shutil.copytree(root / package, tree / package, ignore=names)
    for name in LEFT_OUT:
        path = tree / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    folder = tree / "autograder" / "exercises"
    paths = {_module(path, tree): path for path in sorted(folder.rglob("*.py"))}
    topics = sorted(one.parent.name for one in folder.glob("*/__init__.py"))
    asked = {f"autograder.exercises.{one.id}": one for topic in topics for one in of_topic(topic).values()}
    sources = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    try:
        stripped = strip_exercises(sources, asked)
    except StrippingError as error:
        raise CourseError(f"The students' exercises cannot be written: {error}") from error
    for name, text in stripped.items():
        paths[name].write_text(text, encoding="utf-8")
    known = json.loads(json.dumps(index()))
    for lesson in known["lessons"]:
        for exercise in lesson["exercises"]:
            exercise["misconceptions"] = {}
    text = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
    (folder / "index.json").write_text(text, encoding="utf-8")
    _strip_cards(tree / "drills" / "cards")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(root / name, tree)
    (tree / "README.md").write_text("From CLIP to INT8, as students of a class get it.\n", encoding="utf-8")


def _strip_cards(folder: Path) -> None:
    """Leave out the drill cards that hold a program, right or wrong, and what the others say of mistakes."""
    for path in sorted(folder.glob("*.yaml")):
        topic = yaml.safe_load(path.read_text(encoding="utf-8"))
        cards = [card for card in topic["cards"] if card["kind"] not in ("code", "bug")]
        topic["cards"] = [
            {key: value for key, value in card.items() if key != "misconceptions"} for card in cards
        ]
        path.write_text(yaml.safe_dump(topic, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _module(path: Path, tree: Path) -> str:
    return ".".join(path.relative_to(tree).with_suffix("").parts).removesuffix(".__init__")


def _build(tree: Path, into: Path) -> Path:
    """Build the wheel with the setuptools that is here, so that nothing is downloaded."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    done = subprocess.run(
        [*command, "--wheel-dir", str(into), str(tree)],
        env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(into.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise CourseError(f"pip could not build the students' wheel:\n{(done.stderr or done.stdout).strip()}")
    return wheels[0]


def _look_for_answers(notebooks: Path) -> None:
    for path in sorted(notebooks.rglob("*")):
        if path.is_file() and b"BEGIN SOLUTION" in path.read_bytes():
            raise CourseError(f"{path.name} in notebooks/ holds an answer: run `course build` first.")
