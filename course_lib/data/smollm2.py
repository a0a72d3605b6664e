"""SmolLM2-135M on this machine: where ``course fetch smollm2`` puts its file, and what the file holds.

Nothing here fetches anything. `course_lib.language` makes a model of what is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course_lib.data.cache import absent_readers, cache_folder, check_fetched

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
#: What reads the file; both are dependencies of the course.
READERS = ("gguf", "tokenizers")


class GgufContent(NamedTuple):
    """What a GGUF file holds.

    Attributes
    ----------
    metadata : dict
        Architecture, tokenizer and licence, under GGUF's own keys ("llama.block_count").
    weights : dict of float32 arrays
        Dequantized, under GGUF's own names ("blk.0.attn_q.weight"); empty if only the metadata was asked for.
    """

    metadata: dict[str, Any]
    weights: dict[str, np.ndarray]


def smollm2_file() -> Path:
    """Where the model's file lies once it is fetched."""
    return cache_folder() / FILE


def smollm2_missing() -> str | None:
    """What it takes to run SmolLM2 here, in a sentence; None if everything is there.

    A lesson's cell asks this first, and skips with the sentence.

    Examples
    --------
    >>> reason = smollm2_missing()
    >>> reason is None or "course fetch smollm2" in reason or "pip install" in reason
    True
    """
    if not smollm2_file().is_file():
        return (
            "SmolLM2-135M is not on this machine: run `course fetch smollm2` once "
            "(a download of 93 MB under the Apache licence 2.0)."
        )
    return absent_readers("SmolLM2-135M", READERS)


def read_smollm2(*, weights: bool = True) -> GgufContent:
    """Read the fetched file, checked: its metadata and, dequantized, its weights.

    Matrices are stored in 4 bits (Q4_1: w ≈ d·q + m with one d and one m for 32 neighbours), the embedding
    in 8 (Q8_0). Dequantized they are float32 numbers on those grids; the course calls that "fp32".

    Parameters
    ----------
    weights : bool, default True
        False reads the metadata only, in a fraction of the time.

    Raises
    ------
    FileNotFoundError
        If the file, or a library that reads it, is missing; the message says what to run.
    ValueError
        If the file is damaged.
    """
    if reason := smollm2_missing():
        raise FileNotFoundError(reason)
    path = smollm2_file()
    check_fetched(path, SHA256, "smollm2")
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(path)
    metadata = {key: field.contents() for key, field in reader.fields.items()}
    if not weights:
        return GgufContent(metadata, {})
    return GgufContent(
        metadata,
        {
            tensor.name: np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
            for tensor in reader.tensors
        },
    )
