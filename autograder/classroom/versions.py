"""What a score depends on, as a digest: did anything change since an exercise was last judged?"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import autograder

ROOT = Path(autograder.__path__[0]).parent
OURS = ("autograder", "course_lib")

#: Where judging begins: making cases, running answers on them, comparing. All observers, because an exercise
#: names one by a string.
JUDGING = (
    "autograder.cases",
    "autograder.judge",
    *sorted(f"autograder.observers.{path.stem}" for path in (ROOT / "autograder" / "observers").glob("*.py")),
)

#: Data that references and cases are computed from: files beside the modules of course_lib.
DATA = (".npz", ".json", ".txt")


def versions(exercise_ids: Iterable[str]) -> dict[str, str]:
    """For each exercise, a digest of everything that its score depends on.

    That is the text of every module of ours that judging loads, found by following the import statements
    of each module (those inside functions too) from the exercise's file and from `JUDGING`, and the data
    files of the packages of course_lib among them. Names are not followed: importing a package counts as
    all that it imports, so a digest can change without a score changing, but no change of a score escapes
    it. What others wrote (torch, numpy) is not in it, nor is how a class is graded (autograder.classroom).

    Parameters
    ----------
    exercise_ids : iterable of str
        Such as ``"infonce.clip_loss"``, whose file is ``autograder/exercises/infonce/clip_loss.py``.
    """
    return {one: _digest(frozenset({*JUDGING, f"autograder.exercises.{one}"})) for one in exercise_ids}


def _digest(roots: frozenset[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files(roots)):
        digest.update(f"{path.relative_to(ROOT).as_posix()} {_of(path)}\n".encode())
    return digest.hexdigest()


@cache
def _of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(roots: Iterable[str]) -> set[Path]:
    """The files of ours that these modules are made of, and everything that they import."""
    waiting, seen, found = list(roots), set[str](), set[Path]()
    while waiting:
        module = waiting.pop()
        path = _path(module)
        if module in seen or path is None:
            continue
        seen.add(module)
        found.add(path)
        waiting += _imports(module, path)
        if path.name == "__init__.py" and module.startswith("course_lib"):
            found |= {file for file in path.parent.iterdir() if file.suffix in DATA}
    return found


@cache
def _path(module: str) -> Path | None:
    """The file of a module of ours; None for what is not a module, or not ours."""
    if module.partition(".")[0] not in OURS:
        return None
    place = ROOT.joinpath(*module.split("."))
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = {".".join(package)}  # importing a module runs its packages first
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse  # what only type checkers see decides no score
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return tuple(sorted(found))
