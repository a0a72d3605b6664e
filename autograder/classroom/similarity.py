"""Answers that are more alike than this class's answers to this exercise usually are: a list for a human.

RapidFuzz compares (MIT, maintained, compiled, and here already: nbgrader needs it). copydetect, which
implements winnowing as MOSS does, was the other candidate: it brings its own report and compares whole
files, and at a dozen lines an answer its fingerprints have little to choose from. That a comparison is
*relative to the class* matters more than how it is made: where everybody must write the same line, being
alike says nothing.

Nothing here changes a score, and nothing here says who copied, or whether anybody did.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from autograder.classroom.assignment import Assignment, CellSpec

FEWEST_ANSWERS = 8  # for a distribution of the class
FEWEST_TOKENS = 15  # beyond the stub; below it, there are not many ways to write an answer
LIKENESS = 0.8  # less alike than this, nobody needs to look
SURPRISE = 3.0
SPREAD = 0.05  # the least: alike to the last token is no surprise where everybody is nearly so
MOST_PAIRS = 50
MOST_TOKENS = 4000
FIRST, LETTERS = 0x100, 0xD000  # characters for tokens: below the surrogates

_TOKEN = re.compile(
    r"(?P<string>[rbfuRBFU]{0,2}(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"))"
    r"|(?P<comment>\#[^\n]*)|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<sign>\S)",
    re.DOTALL,
)

Answers = Mapping[tuple[str, str], Mapping[str, str]]  # (notebook, grade id) -> student -> source


@dataclass(frozen=True)
class Place:
    """Two answers to one exercise.

    Parameters
    ----------
    notebook, grade_id : str
    likeness : float
        2 · (tokens in common, in order) / (tokens of both), without what was released.
    usual : float
        The median of all pairs of the class.
    surprise : float
        (likeness − usual) / spread, where spread is 1.4826 times the median absolute deviation of all pairs,
        or 0.05 if that is less.
    left, right : str
        The answers, as handed in.
    """

    notebook: str
    grade_id: str
    likeness: float
    usual: float
    surprise: float
    left: str
    right: str


@dataclass(frozen=True)
class Pair:
    """Two students, and where their answers are unusually alike, the most surprising place first."""

    left: str
    right: str
    places: tuple[Place, ...]

    @property
    def surprise(self) -> float:
        """All surprise of the pair: what it is listed by."""
        return sum(place.surprise for place in self.places)


def similar_pairs(answers: Answers, assignment: Assignment, most: int = MOST_PAIRS) -> list[Pair]:
    """List the pairs whose answers are unusually alike.

    Parameters
    ----------
    answers : mapping
        See `read_answers`.
    assignment : Assignment
        What was released: it is not counted as anybody's work.
    most : int
        How many pairs, at most.

    Returns
    -------
    list of Pair
        The most surprising first.
    """
    found: dict[tuple[str, str], list[Place]] = {}
    for notebook in assignment.notebooks:
        for cell in notebook.cells:
            written = answers.get((notebook.name, cell.grade_id), {})
            for left, right, place in _alike(notebook.name, cell, written):
                found.setdefault((left, right), []).append(place)
    pairs = [
        Pair(left, right, tuple(sorted(places, key=lambda place: -place.surprise)))
        for (left, right), places in found.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.surprise, pair.left, pair.right))[:most]


def read_answers(autograded: Path, assignment: Assignment, students: Sequence[str]) -> Answers:
    """Read what students wrote into the solution cells of an assignment.

    Parameters
    ----------
    autograded : Path
        ``classroom/autograded``. A notebook that is missing or cannot be read is left out: why is told
        where submissions with problems are.
    """
    answers: dict[tuple[str, str], dict[str, str]] = {}
    for notebook in assignment.notebooks:
        wanted = {cell.grade_id for cell in notebook.cells if cell.solution}
        for student in students:
            path = autograded / student / assignment.name / f"{notebook.name}.ipynb"
            for grade_id, source in _sources(path):
                if grade_id in wanted:
                    answers.setdefault((notebook.name, grade_id), {})[student] = source
    return answers


def tokens(source: str, stub: str, cell_type: str = "code") -> list[str]:
    """What a student wrote, as tokens that renaming variables, comments and layout do not change.

    Lines of the stub are left out. Names that the stub does not have become one placeholder, but for those
    after a dot: which functions are called tells more than what variables are called.
    """
    given = {line.strip() for line in stub.splitlines()}
    own = "\n".join(line for line in source.splitlines() if line.strip() not in given)
    if cell_type != "code":
        return re.findall(r"\w+", own.casefold())[:MOST_TOKENS]
    released = {match["name"] for match in _TOKEN.finditer(stub) if match["name"]}
    made: list[str] = []
    for match in _TOKEN.finditer(own):
        if match["comment"] or (
            match["string"] and match["string"].lstrip("rbfuRBFU").startswith(("'''", '"""'))
        ):
            continue  # a text in three quotes is a docstring, or a comment
        name = match["name"]
        if name and not (keyword.iskeyword(name) or name in released or (made and made[-1] == ".")):
            made.append("name")
        else:
            made.append(match[0])
    return made[:MOST_TOKENS]


def _alike(notebook: str, cell: CellSpec, written: Mapping[str, str]) -> Iterator[tuple[str, str, Place]]:
    split = {
        student: tokens(source, cell.source, cell.cell_type) for student, source in sorted(written.items())
    }
    split = {student: made for student, made in split.items() if len(made) >= FEWEST_TOKENS}
    students = list(split)
    if len(students) < FEWEST_ANSWERS:
        return
    letters = _letters(split.values())
    likeness = cdist(letters, letters, scorer=Indel.normalized_similarity, dtype=np.float32)
    rows, columns = np.triu_indices(len(students), k=1)
    values = likeness[rows, columns]
    usual = float(np.median(values))
    spread = max(1.4826 * float(np.median(np.abs(values - usual))), SPREAD)
    surprise = (values - usual) / spread
    for at in np.flatnonzero((values >= LIKENESS) & (surprise >= SURPRISE)):
        left, right = students[rows[at]], students[columns[at]]
        place = Place(
            notebook,
            cell.grade_id,
            float(values[at]),
            usual,
            float(surprise[at]),
            written[left],
            written[right],
        )
        yield left, right, place


def _letters(sequences: Iterable[Sequence[str]]) -> list[str]:
    """Each token as one character, which RapidFuzz compares fastest; the rarest share one."""
    letters: dict[str, str] = {}
    return [
        "".join(letters.setdefault(token, chr(FIRST + min(len(letters), LETTERS))) for token in one)
        for one in sequences
    ]


def _sources(path: Path) -> Iterator[tuple[str, str]]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
        for cell in cells:
            marks = cell.get("metadata", {}).get("nbgrader", {})
            if marks.get("solution") and isinstance(marks.get("grade_id"), str):
                source = cell["source"]
                yield marks["grade_id"], "".join(source) if isinstance(source, list) else str(source)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
