"""The report's tables as CSV."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.classroom.report.mistakes import groups, mistakes, titles
from autograder.classroom.report.overview import Item, Overview
from autograder.classroom.report.statistics import item_statistics
from autograder.classroom.report.text import csv_text
from autograder.classroom.similarity import Pair


def tables(overview: Overview, similar: Sequence[Pair] = ()) -> dict[str, str]:
    """Every table of a report, by file name. What has no score is an empty field, never a 0."""
    return {
        "scores.csv": _scores(overview),
        "exercises.csv": _exercises(overview),
        "misconceptions.csv": _misconceptions(overview),
        "help.csv": _help(overview),
        "problems.csv": _problems(overview),
        "similarity.csv": _similarity(similar),
    }


def _scores(overview: Overview) -> str:
    several = len({item.notebook for item in overview.items}) > 1
    header = ["student", "name", "status", "handed in", "score", "maximum", "waiting for manual grading"]
    header += [_column(item, several) for item in overview.items]
    rows = []
    for one in overview.standings:
        waiting = sum(entry.waiting for entry in one.entries.values())
        row = [one.student, one.name, one.outcome.status, one.outcome.timestamp, one.total, overview.maximum]
        rows.append([*row, waiting, *(one.entries[item.place].score for item in overview.items)])
    for student in overview.absent:
        rows.append([student, None, "nothing handed in", None, None, overview.maximum, 0])
    return csv_text(header, rows)


def _exercises(overview: Overview) -> str:
    header = [
        "notebook",
        "cell",
        "title",
        "points",
        "stretch",
        "graded by hand",
        "with a score",
        "full marks",
    ]
    header += ["pass rate", "mean credit", "discrimination", "not tried", "waiting"]
    rows = [
        [
            one.item.notebook,
            one.item.grade_id,
            one.item.title,
            one.item.points,
            "yes" if one.item.stretch else "no",
            "yes" if one.item.by_hand else "no",
            one.count,
            one.passed,
            one.pass_rate,
            one.mean_credit,
            "too few" if one.discrimination is None else one.discrimination,
            one.untouched,
            one.waiting,
        ]
        for one in item_statistics(overview)
    ]
    return csv_text(header, rows)


def _misconceptions(overview: Overview) -> str:
    header = ["misconceptions", "exercise", "titles", "count", "student"]
    rows = [
        ["+".join(one.ids), one.item.title, " + ".join(one.titles), len(one.students), standing.student]
        for one in mistakes(overview)
        for standing in one.students
    ]
    return csv_text(header, rows)


def _help(overview: Overview) -> str:
    header = ["exercise", "what", "named mistake", "points lost by all", "students", "student"]
    rows = [
        [
            one.item.title,
            one.what,
            "yes" if one.named else "no",
            one.lost,
            len(one.students),
            standing.student,
        ]
        for one in groups(overview)
        for standing in one.students
    ]
    return csv_text(header, rows)


def _problems(overview: Overview) -> str:
    header = ["student", "status", "kind", "only a note", "notebook", "cell", "what happened"]
    rows: list[list[object]] = [
        [
            one.student,
            one.outcome.status,
            problem.kind,
            "yes" if problem.note else "no",
            problem.notebook,
            problem.cell,
            problem.text,
        ]
        for one in overview.standings
        for problem in one.outcome.problems
    ]
    rows += [
        [
            one.student,
            one.outcome.status,
            "hidden cases",
            "no",
            item.notebook,
            item.grade_id,
            _mistaken(one, item),
        ]
        for item in overview.items
        for one, entry in overview.entries(item)
        if entry.grade is not None and entry.grade.hidden_failed
    ]
    return csv_text(header, rows)


def _mistaken(standing: object, item: Item) -> str:
    entry = standing.entries[item.place]  # type: ignore[attr-defined]
    named = " + ".join(titles(entry.misconceptions))
    return "hidden cases cost points that the public ones gave" + (f" ({named})" if named else "")


def _similarity(similar: Sequence[Pair]) -> str:
    header = ["one", "other", "notebook", "cell", "likeness", "usual in this class", "surprise"]
    rows = [
        [pair.left, pair.right, one.notebook, one.grade_id, one.likeness, one.usual, one.surprise]
        for pair in similar
        for one in pair.places
    ]
    return csv_text(header, rows)


def _column(item: Item, several: bool) -> str:
    return f"{item.notebook}/{item.grade_id}" if several else item.grade_id
