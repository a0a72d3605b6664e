"""The plan of a learner, from what is recorded."""

from datetime import UTC, date, datetime, timedelta

import pytest
from synthetic import deck

from autograder.progress import standing
from drills.planning import PlanError, plan, plan_of
from drills.records import Records, Review, Settings
from drills.scheduling import Schedule
from drills.steps import Rating

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
INTERVIEW = TODAY + 14 * DAY
DECK = deck(topics=4, each=10)


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "drills.sqlite")


def test_it_is_laid_from_the_records_and_remembers_what_it_was_laid_with(records):
    records.add(Review("topic0.card0", NOW - DAY, Rating.GOOD))
    found = plan_of(DECK, records, NOW, INTERVIEW, 45)
    assert records.settings() == Settings(INTERVIEW, 45, TODAY)
    schedule = Schedule(DECK, records.states())
    assert found == plan(schedule, standing.lessons(), TODAY, INTERVIEW, 45)
    again = plan_of(DECK, Records(records.path), NOW)
    assert again == found


def test_missed_days_count_from_the_day_the_plan_was_laid(records):
    plan_of(DECK, records, NOW, INTERVIEW, 45)
    records.add(Review("topic0.card0", NOW + DAY, Rating.GOOD))
    later = plan_of(DECK, records, NOW + 4 * DAY)
    assert later.notes[0].startswith("You drilled on 1 of the 4 days since 2026-03-02")
    assert len(later.days) == 10
    assert records.settings().planned == TODAY


@pytest.mark.parametrize("change", [{"interview": INTERVIEW + 7 * DAY}, {"minutes": 60}])
def test_another_date_or_other_minutes_begin_a_new_plan(records, change):
    plan_of(DECK, records, NOW, INTERVIEW, 45)
    moved = plan_of(DECK, records, NOW + 4 * DAY, **change)
    assert not any("You drilled" in note for note in moved.notes)
    assert records.settings() == Settings(
        change.get("interview", INTERVIEW), change.get("minutes", 45), TODAY + 4 * DAY
    )


def test_without_a_date_there_is_no_plan_but_a_sentence(records):
    with pytest.raises(PlanError, match=r"^A plan needs the day of the interview: `course plan --interview "):
        plan_of(DECK, records, NOW)


@pytest.mark.parametrize(
    "wrong", [{"interview": date(2026, 3, 1)}, {"interview": TODAY}, {"minutes": 1.0}, {"minutes": 0}]
)
def test_what_cannot_be_planned_for_is_not_remembered(records, wrong):
    plan_of(DECK, records, NOW, INTERVIEW, 45)
    with pytest.raises(PlanError):
        plan_of(DECK, records, NOW, **wrong)
    assert records.settings() == Settings(INTERVIEW, 45, TODAY)


def test_a_date_that_passed_since_is_one_sentence_too(records):
    plan_of(DECK, records, NOW, INTERVIEW, 45)
    with pytest.raises(PlanError, match=r"^2026-03-16 is past \(today is 2026-03-20\)"):
        plan_of(DECK, records, NOW + 18 * DAY)


def test_it_holds_back_the_daily_drill_too(records):
    for card in DECK.cards:
        records.add(Review(card, NOW - 200 * DAY, Rating.EASY))
        records.add(Review(card, NOW - 100 * DAY, Rating.EASY))
    before = Schedule.of(DECK, records, ()).due_days(NOW)
    plan_of(DECK, records, NOW, INTERVIEW, 45)
    after = Schedule.of(DECK, records, ()).due_days(NOW)
    assert min(before.values()) > INTERVIEW
    assert max(after.values()) < INTERVIEW


def test_a_plan_can_be_laid_where_nothing_is_kept():
    records = Records(None)
    assert plan_of(DECK, records, NOW, INTERVIEW, 45).days
    assert records.settings().interview == INTERVIEW
