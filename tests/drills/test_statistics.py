"""Figures of a learner's drills, against a learner whose memory is known."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from synthetic import deck

from drills.records import Review
from drills.scheduling import Schedule, forecast, memories, rehearse
from drills.statistics import calibration, retention, state_of, states, statistics
from drills.steps import Rating

FIRST = date(2026, 1, 5)
DAY = timedelta(days=1)
DECK = deck(topics=8, each=10)
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def study(days=60, forgets=1.0, boasts=0.0, seed=4):
    """Reviews of a learner who forgets as FSRS says, or faster, and knows how sure to be, or boasts."""
    rng, made = random.Random(seed), []

    def answer(memory, card, day):
        chance = (memory.retrievability(day) if memory else 0.6) ** forgets
        right = rng.random() < chance
        said = min(LEVELS, key=lambda level: abs(level - min(chance + boasts, 1)))
        at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=18)
        made.append(Review(card, at, Rating.GOOD if right else Rating.AGAIN, confidence=said, seconds=60))
        return made[-1].rating

    rehearse(Schedule(DECK), FIRST, days, lambda schedule, day: schedule.queue(30, day), answer)
    return made


def test_the_measured_retention_of_a_learner_like_fsrs_is_the_predicted_one():
    found = retention(study())
    assert found.repetitions > 300
    assert abs(found.measured - found.predicted) < 4 * found.error
    assert 0.01 < found.error < 0.03


def test_and_of_one_who_forgets_faster_is_seen_to_be_lower():
    found = retention(study(forgets=3.0))
    assert found.measured < found.predicted - 5 * found.error


def test_only_answers_of_another_day_are_repetitions():
    at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    once = [
        Review("topic0.card0", at, Rating.GOOD),
        Review("topic0.card0", at + timedelta(hours=1), Rating.AGAIN),
    ]
    assert retention([]) is None
    assert retention(once) is None
    found = retention([*once, Review("topic0.card0", at + DAY, Rating.HARD)])
    assert (found.repetitions, found.measured) == (1, 1.0)


def test_calibration_shows_who_is_right_as_often_as_expected_and_who_boasts():
    honest = {one.said: one for one in calibration(study())}
    assert list(honest) == sorted(honest)
    assert honest[0.9].right == pytest.approx(0.9, abs=0.05)
    assert honest[0.5].right == pytest.approx(0.6, abs=0.15)  # of new cards: 0.6 is nearest to 0.5 or 0.7
    boasting = {one.said: one for one in calibration(study(boasts=0.3))}
    assert boasting[0.9].right < 0.85
    assert sum(one.answers for one in honest.values()) == len(study())


def test_the_rubric_counts_for_calibration_not_what_the_learner_made_of_it():
    at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    kind = Review("topic0.card0", at, Rating.GOOD, computed=Rating.AGAIN, confidence=0.9)
    (found,) = calibration([kind, Review("topic0.card1", at, Rating.GOOD)])
    assert (found.said, found.answers, found.right) == (0.9, 1, 0.0)


def test_cards_by_state():
    reviews = study(40)
    known = memories(reviews)
    found = states(Schedule(DECK, known))
    assert list(found) == ["new", "learning", "young", "mature"]
    assert sum(found.values()) == 80
    assert found["new"] == 80 - len(known)
    assert found["mature"] == sum(memory.stability >= 21 for memory in known.values()) > 0
    assert state_of(None) == "new"


def test_all_figures():
    reviews = study(20)
    schedule = Schedule(DECK, memories(reviews))
    today = FIRST + 20 * DAY
    found = statistics(schedule, reviews, today, days=10)
    assert (found.reviews, found.days, found.streak) == (len(reviews), 20, 20)
    assert found.minutes == len(reviews)
    assert found.forecast == tuple(forecast(schedule, today, 10))
    assert [one.day for one in found.forecast] == [today + n * DAY for n in range(10)]
    assert {one.skill for one in found.skills} == {f"skill {n}" for n in range(8)}
    assert found.skills[0].value <= found.skills[-1].value
    assert found.overridden == 0


def test_a_streak_ends_with_a_day_that_is_missed():
    reviews = [review for review in study(20) if review.day != FIRST + 15 * DAY]

    def streak(today):
        return statistics(Schedule(DECK, memories(reviews)), reviews, today, days=1).streak

    assert streak(FIRST + 19 * DAY) == 4
    assert streak(FIRST + 20 * DAY) == 4  # the day is not over
    assert streak(FIRST + 21 * DAY) == 0


def test_before_the_first_review_there_are_figures_too():
    found = statistics(Schedule(DECK), [], FIRST, days=3)
    assert (found.reviews, found.days, found.streak, found.retention) == (0, 0, 0, None)
    assert (found.calibration, found.skills) == ((), ())
    assert [one.due for one in found.forecast] == [0, 0, 0]
    assert found.states == {"new": 80, "learning": 0, "young": 0, "mature": 0}


def test_the_picture_has_the_figures():
    pytest.importorskip("matplotlib")
    from drills.picture import picture

    reviews = study(20)
    found = statistics(Schedule(DECK, memories(reviews)), reviews, FIRST + 20 * DAY, days=10)
    figure, alt = picture(found, interview=FIRST + 25 * DAY)
    known, forgotten = figure.axes[0].containers[:2]
    heights = [one.get_height() + more.get_height() for one, more in zip(known, forgotten, strict=True)]
    assert heights == pytest.approx([one.due for one in found.forecast])
    assert "A line marks the interview on 2026-01-30." in alt
    assert f"of {found.calibration[-1].answers} at 90.0 %" in alt


def test_figures_are_counted_without_what_draws_them():
    import subprocess
    import sys

    code = (
        "import sys, drills.statistics, drills.planning, drills.picture; "
        "print(sorted({'torch', 'numpy', 'matplotlib', 'rich', 'nbformat'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
