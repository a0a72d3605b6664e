"""The folder of what ``course fetch`` brought, and whether a file in it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

CACHE_VARIABLE = "COURSE_CACHE"


def cache_folder() -> Path:
    """Folder of what was fetched: ``COURSE_CACHE``, or else the user's cache folder. It need not exist."""
    named = os.environ.get(CACHE_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("clip-to-int8", appauthor=False)


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, reading it piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_fetched(path: Path, sha256: str, name: str) -> None:
    """Raise ValueError unless the file has this SHA-256; ``name`` is the model's, for ``course fetch``."""
    if (came := sha256_of(path)) != sha256:
        raise ValueError(
            f"{path} is damaged (its SHA-256 must be {sha256[:12]}..., got {came[:12]}...): "
            f"run `course fetch {name}` again."
        )


def absent_readers(called: str, readers: Sequence[str]) -> str | None:
    """Say which libraries are missing for reading a model, and how to get them; None if all are there."""
    absent = [name for name in readers if find_spec(name) is None]
    if not absent:
        return None
    install = f"python -m pip install {' '.join(absent)}"
    return f"Reading {called} needs {' and '.join(absent)}: run `{install}`."
