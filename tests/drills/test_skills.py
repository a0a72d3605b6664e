"""Mastery of skills, from cards and from lessons."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import deck

from autograder.progress import Event
from drills.scheduling.memory import answered
from drills.skills import evidence, lesson_skills, mastery
from drills.steps import Rating

TODAY = date(2026, 3, 1)
DECK = deck(topics=3, each=4)
AT = datetime(2026, 2, 1, tzinfo=UTC)


def reviewed(card, credit=1.0, ago=0):
    rating = Rating.GOOD if credit else Rating.AGAIN
    return answered(None, card, rating, TODAY - timedelta(days=ago), credit=credit)


def attempt(exercise, credit):
    return Event(AT, exercise, "attempt", credit, None, 1)


def of(skill, known=(), events=(), exercises=None):
    found = mastery(DECK, {one.card: one for one in known}, events, TODAY, exercises or {})
    return next(one for one in found if one.skill == skill)


def test_nothing_asked_is_no_mastery():
    assert of("skill 1") == replace(of("skill 0"), skill="skill 1")
    assert (of("skill 1").value, of("skill 1").asked, of("skill 1").there) == (0.0, 0, 4)


def test_one_right_answer_is_half_a_mastery_and_four_are_more():
    assert of("skill 0", [reviewed("topic0.card0")]).value == 0.5
    assert of("skill 0", [reviewed(f"topic0.card{n}") for n in range(4)]).value == 0.8
    assert of("skill 1", [reviewed("topic0.card0")]).value == 0.0


def test_what_was_half_known_or_long_ago_counts_less():
    fresh, half = of("skill 0", [reviewed("topic0.card0")]), of("skill 0", [reviewed("topic0.card0", 0.5)])
    old = of("skill 0", [reviewed("topic0.card0", ago=60)])
    assert half.value == 0.25
    assert 0.2 < old.value < fresh.value


def test_lessons_count_as_cards_do():
    exercises = {"infonce.a": ("skill 0", "broadcasting"), "infonce.b": ("skill 0",)}
    found = of(
        "skill 0",
        [reviewed("topic0.card0")],
        [attempt("infonce.a", 0.5), attempt("infonce.a", 0.2)],
        exercises,
    )
    assert (found.value, found.asked, found.there) == (1.5 / 3, 2, 6)
    assert of("broadcasting", (), [attempt("infonce.a", 1.0)], exercises).value == 0.5


def test_a_solution_that_was_looked_at_first_is_worth_half():
    looked = Event(AT, "infonce.a", "solution")
    assert evidence({}, [looked, attempt("infonce.a", 1.0)], TODAY) == {"infonce.a": 0.5}
    assert evidence({}, [attempt("infonce.a", 1.0), looked, attempt("infonce.a", 1.0)], TODAY) == {
        "infonce.a": 1.0
    }
    assert evidence({}, [looked, Event(AT, "infonce.a", "hint", level=1)], TODAY) == {}


def test_the_weakest_come_first_and_of_two_unknown_the_one_that_was_asked():
    known = [reviewed("topic1.card0"), reviewed("topic2.card0", 0.0)]
    found = mastery(DECK, {one.card: one for one in known}, [], TODAY, {})
    assert [one.skill for one in found] == ["skill 2", "skill 0", "skill 1"]


@given(credits_=st.lists(st.floats(0, 1), max_size=4), ago=st.integers(0, 900))
def test_mastery_is_a_share_and_grows_with_what_is_shown(credits_, ago):
    known = [reviewed(f"topic0.card{n}", credit, ago) for n, credit in enumerate(credits_)]
    assert 0 <= of("skill 0", known).value < 1
    better = [*known[1:], replace(known[0], credit=1.0)] if known else []
    assert of("skill 0", better).value >= of("skill 0", known).value


def test_the_skills_of_the_lessons_come_from_the_index():
    found = lesson_skills()
    assert found["infonce.l2_normalize"] == ("broadcasting", "normalisation")
    assert "infonce.explain_ceiling" not in found
    assert any(one.skill == "broadcasting" and one.there >= 3 for one in mastery(DECK, {}, [], TODAY))


@pytest.mark.parametrize("events", [[attempt("no.such", 1.0)], [attempt("infonce.a", 1.0)]])
def test_an_exercise_that_left_the_course_harms_nothing(events):
    assert of("skill 0", (), events).asked == 0
