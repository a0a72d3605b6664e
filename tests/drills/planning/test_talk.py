"""The diagnostic: adaptive, about fifteen minutes, resumable, and each answer is a review."""

from __future__ import annotations

import pytest

from drills import sittings
from drills.deck import load
from drills.planning.diagnostic import LEFT_OUT
from drills.planning.talk import KIND, DiagnosticSession
from drills.records import Records
from drills.steps import AskChoice, AskNumber, AskRating, Show, Tick


@pytest.fixture(scope="module")
def course():
    return load()


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "drills.sqlite")


def begun(deck, records):
    return DiagnosticSession(deck, records, sittings.begin(records, KIND, (), 7))


def knowing_nothing(step):
    return [] if isinstance(step, Tick) else None


def hold(session, reply=knowing_nothing, steps=10_000):
    seen = []
    while session.step is not None and len(seen) < steps:
        seen.append(session.step)
        session.reply(None if isinstance(session.step, Show) else reply(session.step))
    return seen


def test_it_asks_every_topic_in_about_fifteen_minutes_and_needs_no_torch(course, records):
    hold(begun(course, records))
    asked = [course.cards[review.card] for review in records.reviews()]
    assert {card.topic for card in asked} == {topic.topic for topic in course.topics}
    assert 10 <= sum(card.minutes for card in asked) <= 15
    assert not {card.kind for card in asked} & set(LEFT_OUT)
    assert not records.unfinished()


def test_its_heading_counts_the_minutes_of_its_cards_down(course, records):
    session = begun(course, records)
    left = [session.minutes_left]
    while session.step is not None:
        if session.minutes_left != left[-1]:
            left.append(session.minutes_left)
        session.reply(None if isinstance(session.step, Show) else knowing_nothing(session.step))
    assert left[0] == 15
    assert left == sorted(left, reverse=True)
    assert 0 <= left[-1] <= 5


def test_it_ends_with_a_level_for_each_topic(course, records):
    *_, last = hold(begun(course, records))
    assert last.title == "Where you are"
    assert last.text.count("nothing yet") == len(course.topics)


def test_who_is_wrong_is_asked_easier_questions(course, records):
    hold(begun(course, records))
    of_topic: dict[str, list[int]] = {}
    for review in records.reviews():
        card = course.cards[review.card]
        of_topic.setdefault(card.topic, []).append(card.level)
    assert all(levels == sorted(levels, reverse=True) for levels in of_topic.values())


@pytest.mark.parametrize("steps", [0, 4, 11, 25])
def test_cut_off_it_goes_on_at_the_same_step(course, records, steps):
    session = begun(course, records)
    hold(session, steps=steps)
    while isinstance(session.step, Show):
        session.reply()
    session.leave()
    again = Records(records.path)
    other = DiagnosticSession(course, again, sittings.pick_up(again, KIND))
    while isinstance(other.step, Show):
        other.reply()
    assert (other.step, other.place, other.card) == (session.step, session.place, session.card)


def test_the_kinds_it_asks_are_judged_or_ticked(course, records):
    seen = hold(begun(course, records))
    assert any(isinstance(step, AskChoice) for step in seen)
    assert any(isinstance(step, AskNumber) for step in seen)
    assert sum(isinstance(step, AskRating) for step in seen) == len(records.reviews())
