"""What a student's process may read: the system, the interpreter and its packages, and a part of ours."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

#: The folder that holds our packages: a clone, or site-packages.
HOME = Path(__file__).resolve().parents[3]
OURS = ("autograder", "course", "course_lib", "drills")
#: What students' processes need of it: how answers are run, never what they are compared with.
PARTS = (
    "course_lib",
    "autograder/__init__.py",
    "autograder/case.py",
    "autograder/guesses.py",
    "autograder/observation.py",
    "autograder/observers",
    "autograder/points.py",
    "autograder/verdict.py",
    "autograder/classroom/__init__.py",
    "autograder/classroom/frames.py",
    "autograder/classroom/isolation",
    "autograder/classroom/student",
)
#: Folders of ours in which Python looks for modules: their names are seen, not their contents.
LISTABLE = ("autograder", "autograder/classroom")
SYSTEM = (
    *(f"/usr/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libexec", "share")),
    *(f"/usr/local/{name}" for name in ("bin", "sbin", "lib", "lib64", "share")),
    *(f"/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64")),
    *(
        f"/etc/{name}"
        for name in (
            "alternatives",
            "fonts",
            "group",
            "ld.so.cache",
            "ld.so.conf",
            "ld.so.conf.d",
            "localtime",
            "mime.types",
            "nsswitch.conf",
            "os-release",
            "passwd",
            "timezone",
        )
    ),
    "/gnu/store",
    "/nix/store",
    "/sys/devices/system/cpu",
    "/var/cache/fontconfig",
)


class Readable(NamedTuple):
    """Paths that may be read with all below them, and folders of which the names may be read."""

    readable: tuple[Path, ...]
    listable: tuple[Path, ...]


def readable_paths(more: Sequence[Path] = ()) -> Readable:
    """What a student's process may read.

    Parameters
    ----------
    more : sequence of Path
        Read as well: the caller knows why.

    Notes
    -----
    A plain installation has our packages in site-packages, among those of others; a folder may also lie
    below one of the system's. Neither is to open what must stay closed, so what holds our packages is
    opened entry by entry.
    """
    closed = [HOME / name for name in OURS] if _is_packages(HOME) else [HOME]
    prefixes = dict.fromkeys(
        Path(p)
        for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
        for p in (prefix, Path(prefix).resolve())
        if str(prefix) not in ("/usr", "/usr/local")
    )
    own_environment = [p for p in prefixes if HOME in p.parents]  # an environment inside the clone
    found, listable = [], [HOME / name for name in LISTABLE]
    for path in (*map(Path, SYSTEM), *prefixes):
        below = [c for c in closed if c == path or path in c.parents]
        if path in own_environment or not below:
            found.append(path)
        else:
            opened, folders = _around(path, below)
            found += opened
            listable += folders
    found += [HOME / part for part in PARTS]
    found += more
    return Readable(
        tuple(path for path in dict.fromkeys(found) if path.exists()), tuple(dict.fromkeys(listable))
    )


def _is_packages(folder: Path) -> bool:
    known = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return folder in known or folder.name in ("site-packages", "dist-packages")


def _around(folder: Path, closed: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Everything in `folder` but what is `closed`, and the folders that had to be taken apart."""
    if folder in closed:
        return [], []
    if not any(folder in path.parents for path in closed):
        return [folder], []
    opened: list[Path] = []
    folders = [folder]
    for entry in _entries(folder):
        more, apart = _around(entry, closed)
        opened += more
        folders += apart
    return opened, folders


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return


def needs_path() -> bool:
    """Whether a fresh interpreter must be told where our packages are."""
    return not _is_packages(HOME)
