"""The misconceptions that a class has, counted, and who needs help with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.classroom.report.overview import Entry, Item, Overview, Standing
from autograder.exercises import load

#: What a verdict's problem is called where no misconception is named.
OTHERWISE = {
    "own_work": "calls the reference instead of its own work",
    "unattempted": "not tried",
    "raised": "raises an error",
    "slow": "does not finish in time",
    "type": "returns something of another type",
    "mutated": "changes its inputs",
    "shape": "returns another shape",
    "dtype": "returns another dtype",
    "nonfinite": "returns NaN or infinity",
    "wrong": "wrong in a way that no known mistake explains",
}
HIDDEN = "right on the public cases, wrong on hidden ones"
NO_VERDICT = "points lost"


@dataclass(frozen=True)
class Mistake:
    """One misconception, or two at once, and who has it.

    Parameters
    ----------
    ids : tuple of str
        One, or two that only together reproduce the answers.
    item : Item
    titles, says, asks : tuple of str
        What the exercise says of each; the id itself where the exercise no longer knows it.
    students : tuple of Standing
    """

    ids: tuple[str, ...]
    item: Item
    titles: tuple[str, ...]
    says: tuple[str, ...]
    asks: tuple[str, ...]
    students: tuple[Standing, ...]


@dataclass(frozen=True)
class Group:
    """Students who lost points in one exercise for the same reason.

    Parameters
    ----------
    what : str
        The mistake's title, or what else was the matter.
    lost : float
        Points that they lost there, all together.
    """

    item: Item
    what: str
    named: bool
    lost: float
    students: tuple[Standing, ...]


@dataclass(frozen=True)
class Need:
    """One student, and where their points went: the larger losses first."""

    standing: Standing
    lost: float
    places: tuple[tuple[Item, str, float], ...]


def mistakes(overview: Overview) -> list[Mistake]:
    """The misconceptions of a class, the commonest first. A pair counts for each of its two as well."""
    have: dict[tuple[Item, tuple[str, ...]], list[Standing]] = defaultdict(list)
    for item in overview.items:
        for standing, entry in overview.entries(item):
            ids = entry.misconceptions
            for one in {(single,) for single in ids} | ({ids} if len(ids) > 1 else set()):
                have[item, one].append(standing)
    found = [_mistake(item, ids, tuple(students)) for (item, ids), students in have.items()]
    return sorted(found, key=lambda one: (len(one.ids), -len(one.students), one.ids))


def groups(overview: Overview) -> list[Group]:
    """Those who lost points, by exercise and reason; where most points were lost first."""
    have: dict[tuple[Item, str, bool], list[tuple[Standing, float]]] = defaultdict(list)
    for item in overview.items:
        for standing, entry in overview.entries(item):
            if (lost := _lost(item, entry)) > 0:
                have[item, *_reason(entry)].append((standing, lost))
    found = [
        Group(item, what, named, sum(lost for _, lost in losses), tuple(one for one, _ in losses))
        for (item, what, named), losses in have.items()
    ]
    return sorted(found, key=lambda one: (-one.lost, one.item.title, one.what))


def needs(overview: Overview) -> list[Need]:
    """Everybody who lost points in core exercises, those with most to catch up on first."""
    found = []
    for standing in overview.graded:
        places = [
            (item, _reason(entry)[0], lost)
            for item in overview.items
            if (entry := standing.entries[item.place])
            and (lost := _lost(item, entry)) > 0
            and not item.stretch
        ]
        if places:
            places.sort(key=lambda place: -place[2])
            found.append(Need(standing, sum(lost for _, _, lost in places), tuple(places)))
    return sorted(found, key=lambda one: (-one.lost, one.standing.student))


def titles(ids: Sequence[str]) -> list[str]:
    """What misconceptions are called."""
    return [_texts(one)[0] for one in ids]


def _lost(item: Item, entry: Entry) -> float:
    return 0.0 if entry.score is None else max(0.0, item.points - entry.score)


def _reason(entry: Entry) -> tuple[str, bool]:
    if entry.misconceptions:
        return " + ".join(titles(entry.misconceptions)), True
    if entry.grade is not None and entry.grade.hidden_failed and entry.problem is None:
        return HIDDEN, False
    return (OTHERWISE.get(entry.problem, entry.problem) if entry.problem else NO_VERDICT), False


def _mistake(item: Item, ids: tuple[str, ...], students: tuple[Standing, ...]) -> Mistake:
    said = [_texts(one) for one in ids]
    titles, says, asks = zip(*said, strict=True)
    return Mistake(ids, item, titles, says, asks, students)


def _texts(mistake_id: str) -> tuple[str, str, str]:
    """Title, says and asks; an id that the exercise no longer has speaks for itself."""
    exercise, _, name = mistake_id.partition(":")
    try:
        known = load(exercise).misconceptions[name]
    except KeyError:
        return mistake_id, "", ""
    return known.title, known.says, known.asks
