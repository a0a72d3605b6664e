"""all-MiniLM-L6-v2 on this machine: where ``course fetch minilm`` puts its files, and what they hold.

Nothing here fetches anything. `course_lib.language` makes a model of what is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from course_lib.data.cache import absent_readers, cache_folder, check_fetched

FILE = "all-MiniLM-L6-v2.safetensors"
SIZE = 90_868_376
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY = "all-MiniLM-L6-v2.vocab.txt"
VOCABULARY_SIZE = 231_508
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
#: What reads the files; both are dependencies of the course. safetensors is the format's own library: it
#: checks a file's header, and unlike a pickle no file can run code.
READERS = ("safetensors", "tokenizers")


class MiniLMContent(NamedTuple):
    """What the files hold.

    Attributes
    ----------
    weights : dict of float32 arrays
        As trained, not quantized, under their names in the file
        ("encoder.layer.0.attention.self.query.weight").
    vocabulary : tuple of str
        The word pieces, by number.
    """

    weights: dict[str, np.ndarray]
    vocabulary: tuple[str, ...]


def minilm_files() -> tuple[Path, Path]:
    """Where weights and vocabulary lie once they are fetched."""
    return cache_folder() / FILE, cache_folder() / VOCABULARY


def minilm_missing() -> str | None:
    """What it takes to run MiniLM here, in a sentence; None if everything is there.

    A lesson's cell asks this first, and skips with the sentence.

    Examples
    --------
    >>> reason = minilm_missing()
    >>> reason is None or "course fetch minilm" in reason or "pip install" in reason
    True
    """
    if not all(path.is_file() for path in minilm_files()):
        return (
            "all-MiniLM-L6-v2 is not on this machine: run `course fetch minilm` once "
            "(a download of 84 MB; the model is under the Apache licence 2.0)."
        )
    return absent_readers("all-MiniLM-L6-v2", READERS)


def read_minilm() -> MiniLMContent:
    """Read the fetched files, checked.

    Raises
    ------
    FileNotFoundError
        If a file, or a library that reads it, is missing; the message says what to run.
    ValueError
        If a file is damaged.
    """
    if reason := minilm_missing():
        raise FileNotFoundError(reason)
    weights, vocabulary = minilm_files()
    check_fetched(weights, SHA256, "minilm")
    check_fetched(vocabulary, VOCABULARY_SHA256, "minilm")
    from safetensors.numpy import load_file

    arrays = {name: array for name, array in load_file(weights).items() if array.dtype == np.float32}
    return MiniLMContent(arrays, tuple(vocabulary.read_text(encoding="utf-8").splitlines()))
