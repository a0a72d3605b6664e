"""``course build``: the released notebooks and the light index, made from the lesson sources."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from autograder.notebooks.build import build_release, differences, swap_in
from autograder.notebooks.index import build_index
from autograder.notebooks.lint import lint
from autograder.notebooks.source import SourceError

INDEX = Path("autograder", "exercises", "index.json")


def build(root: Path, check: bool = False) -> int:
    """Build ``notebooks/`` and the index of a clone, and print what the linter finds.

    Both are built elsewhere and put in place only when everything is built: a source that cannot be
    built changes nothing.

    Parameters
    ----------
    root : Path
        The clone.
    check : bool
        Write nothing; say which built files are older than their sources.

    Returns
    -------
    int
        Exit status: 1 if a source cannot be built, or if a check finds anything to say.
    """
    solutions, notebooks = root / "solutions", root / "notebooks"
    try:
        index = build_index(solutions)
        if not check:
            swap_in(lambda fresh: build_release(solutions, fresh), notebooks)
            _replace(root / INDEX, index)
        problems = [*(_stale(root, index) if check else []), *lint(root)]
    except SourceError as error:
        print(error)
        return 1
    for problem in problems:
        print(problem)
    if check and not problems:
        print("The notebooks and the index are what `course build` makes of the sources.")
    return int(check and bool(problems))


def _stale(root: Path, index: str) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        build_release(root / "solutions", Path(scratch))
        stale = [f"notebooks/{name}" for name in differences(Path(scratch), root / "notebooks")]
    built = root / INDEX
    if not built.is_file() or built.read_text(encoding="utf-8") != index:
        stale.append(INDEX.as_posix())
    return [f"{name} is not what its source makes: run `course build`." for name in stale]


def _replace(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.fresh")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, target)
