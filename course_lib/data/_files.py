"""Reading the data files of this folder, checked: a damaged download must not become a strange result."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

DATA_FOLDER = Path(__file__).parent
CHECKSUMS = "checksums.json"

_REMEDY = "reinstall the course, or restore the file with: git checkout -- course_lib/data"


def read_checked(name: str, folder: Path = DATA_FOLDER) -> bytes:
    """Return the bytes of ``folder/name`` if their SHA-256 is the one in ``checksums.json``.

    Raises
    ------
    ValueError
        If the file, or its checksum, is missing or damaged; the message says what to do.
    """
    path = folder / name
    try:
        expected = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))[name]
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is missing: {_REMEDY}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / CHECKSUMS} must give the SHA-256 of {name}: {_REMEDY}.") from error
    came = hashlib.sha256(content).hexdigest()
    if came != expected:
        raise ValueError(
            f"{path} is damaged (its SHA-256 must be {str(expected)[:12]}..., got {came[:12]}...): {_REMEDY}."
        )
    return content


def open_arrays(name: str, folder: Path = DATA_FOLDER) -> NpzFile:
    """Open the arrays of ``folder/name``, checked as by `read_checked`; each is read when it is named."""
    return np.load(io.BytesIO(read_checked(name, folder)), allow_pickle=False)
