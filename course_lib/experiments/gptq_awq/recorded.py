"""What few bits do to MiniLM, by every method, as scripts/study_minilm.py recorded it: read here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from course_lib.data._files import read_checked
from course_lib.experiments.gptq_awq.whole_model import METHODS, called, sentences
from course_lib.validate import check_int

TABLE = "studies/minilm.json"
BITS = (4, 3, 2)
#: Recorded values hold so many digits after the point.
DIGITS = 6
#: Of the fields of `Sentences`, those that every run has a value of its own for.
MEASURED = ("cosine", "centred", "recall", "lost", "lost_error", "pair")

Line = dict[str, Any]


def planned() -> Iterator[Line]:
    """Every run; rounding to nearest needs no inputs, so it is in the first pass only."""
    for in_turn in (False, True):
        for bits in BITS:
            for method, text in METHODS:
                if text or not in_turn:
                    yield {"bits": bits, "method": method, "text": text, "in_turn": in_turn}


def run(bits: int, method: str, text: str, in_turn: bool) -> Line:
    """Make one run, of minutes at most; it needs the model that ``course fetch minilm`` brings."""
    found = sentences(bits=(bits,), methods=((method, text),), in_turn=in_turn)
    measured = {name: getattr(found, name)[0][0] for name in MEASURED}
    measured |= {"full_recall": found.full_recall, "full_pair": found.full_pair}
    return {name: round(value, DIGITS) for name, value in measured.items()}


@lru_cache(maxsize=1)
def recorded_study() -> Line:
    """What scripts/study_minilm.py recorded: runs, versions, machine."""
    table: Line = json.loads(read_checked(TABLE))
    return table


class RecordedSentences(NamedTuple):
    """The fields of `Sentences` for one number of bits, [method]."""

    methods: tuple[str, ...]
    cosine: tuple[float, ...]
    centred: tuple[float, ...]
    recall: tuple[float, ...]
    lost: tuple[float, ...]
    lost_error: tuple[float, ...]
    pair: tuple[float, ...]
    full_recall: float
    full_pair: float


def recorded_sentences(bits: int = 3, in_turn: bool = False) -> RecordedSentences:
    """What `sentences` found with 4, 3 or 2 bits, all methods, on float32's inputs or block after block.

    Rounding to nearest looks at no inputs, and is the same either way.
    """
    check_int("bits", bits, min(BITS), max(BITS))
    runs = [
        next(line for line in recorded_study()["runs"] if wanted.items() <= line.items())
        for wanted in (
            {"bits": bits, "method": method, "text": text, "in_turn": in_turn and text != ""}
            for method, text in METHODS
        )
    ]
    return RecordedSentences(
        methods=called(METHODS),
        **{name: tuple(line[name] for line in runs) for name in MEASURED},
        full_recall=runs[0]["full_recall"],
        full_pair=runs[0]["full_pair"],
    )
