"""The end of a session."""

import io
from datetime import UTC, datetime, timedelta

from drills.asking import Outcome
from drills.scheduling import Schedule
from drills.steps import Rating
from drills.summary import lessons, sureness
from drills.terminal import Screen, summarise
from drills.today import ahead


def outcome(card="tea.leaves", rating=Rating.GOOD, confidence=0.7, computed=None):
    computed = rating if computed is None else computed
    return Outcome(f"{card}", 0.5, (), computed, rating, confidence, 83.0, ())


def test_confidence_is_compared_with_what_came_true():
    right, wrong = outcome(), outcome(rating=Rating.AGAIN)
    assert sureness([right] * 5 + [wrong] * 3 + [outcome(confidence=0.9)]) == [
        "Confidence: at 70 % right 5 of 8, at 90 % right 1 of 1."
    ]
    assert sureness([wrong] * 5)[0].endswith("You were surer than right.")
    assert sureness([outcome(confidence=0.1)] * 5)[0].endswith("You know more than you think.")
    assert sureness([wrong] * 4)[0].endswith("right 0 of 4.")  # too few to tell
    assert sureness([outcome(confidence=None)]) == []


def test_calibration_believes_the_rubric_rather_than_an_override():
    kind = outcome(rating=Rating.GOOD, computed=Rating.AGAIN)
    assert "right 0 of 1" in sureness([kind])[0]


def test_the_lessons_of_what_was_not_known(deck):
    outcomes = [outcome(), outcome("tea.water", Rating.HARD), outcome("tea.party", Rating.AGAIN)]
    assert lessons(outcomes, deck) == ["See lesson 01_infonce (Tea): tea.water, tea.party"]
    assert lessons([outcome("coffee.beans", Rating.AGAIN)], deck) == []


def test_it_fits_on_80_columns(deck, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    changed = outcome("tea.why_warm_the_pot", Rating.EASY, computed=Rating.HARD)
    summarise([outcome(), changed], deck, Screen(stream), "Tomorrow: 2 cards again, about 5 minutes.")
    shown = stream.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert "tea.leaves" in shown
    assert "1:23" in shown
    assert "Easy (computed: Hard)" in shown
    assert shown.rstrip().endswith("Tomorrow: 2 cards again, about 5 minutes.")


def test_without_an_answer_it_is_short(deck):
    stream = io.StringIO()
    summarise([], deck, Screen(stream))
    assert stream.getvalue() == "No card was answered.\n"


def test_what_lies_ahead(deck):
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    before = now - timedelta(days=1)
    schedule = Schedule(deck)
    assert ahead(schedule, now) == "Tomorrow: no card again."
    schedule = schedule.answered("tea.water", Rating.AGAIN, now).answered("tea.leaves", Rating.AGAIN, before)
    assert ahead(schedule, now) == (
        "Due today: 1 card again, about 1 minute. Tomorrow: 1 card again, about 1 minute."
    )
