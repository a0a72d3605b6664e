"""What FSRS knows of a card, computed from reviews."""

from datetime import UTC, date, datetime, timedelta

import fsrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.records import Records, Review
from drills.scheduling import memories
from drills.scheduling.memory import RETENTION, answered, fuzzed
from drills.steps import Rating

START = datetime(2026, 1, 5, 19, tzinfo=UTC)
DAY = timedelta(days=1)
histories = st.lists(st.tuples(st.sampled_from(Rating), st.integers(0, 60)), min_size=1, max_size=8)


def history(steps, card="infonce.a"):
    at, made = START, []
    for rating, wait in steps:
        at += wait * DAY
        made.append(Review(card, at, rating))
    return made


@given(steps=histories)
def test_it_is_what_fsrs_says_without_learning_steps_or_fuzz(steps):
    made = history(steps)
    scheduler = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    card = fsrs.Card(card_id=1)
    for review in made:
        card, _ = scheduler.review_card(card, fsrs.Rating(int(review.rating)), review.at)
    memory = memories(made)["infonce.a"]
    assert (memory.stability, memory.difficulty) == (card.stability, card.difficulty)
    interval = (memory.due - memory.last).days
    plain = (card.due - card.last_review).days
    assert abs(interval - plain) <= max(0.05 * plain + 3, 1)
    for days in (0, 1, 7, 100):
        at = made[-1].at + days * DAY
        assert memory.retrievability(memory.last + days * DAY) == scheduler.get_card_retrievability(card, at)


@given(steps=histories)
def test_at_the_stability_the_chance_is_the_wanted_retention(steps):
    memory = memories(history(steps))["infonce.a"]
    floor = memory.last + int(memory.stability) * DAY
    assert memory.retrievability(floor) >= RETENTION
    assert memory.retrievability(floor + DAY) < RETENTION + 1e-9
    assert memory.retrievability(memory.last) == 1.0


@given(steps=histories)
def test_the_same_reviews_give_the_same_memory(steps):
    assert memories(history(steps)) == memories(history(steps))


@given(steps=histories, others=histories)
def test_cards_do_not_mind_one_another(steps, others):
    mine, theirs = history(steps), history(others, "infonce.b")
    mixed = sorted(mine + theirs, key=lambda review: review.at)
    assert memories(mixed) == memories(mine) | memories(theirs)


def test_evening_and_next_morning_are_two_days_and_a_night_is_one():
    evening = Review("infonce.a", datetime(2026, 1, 5, 22, tzinfo=UTC), Rating.GOOD)
    morning = Review("infonce.a", datetime(2026, 1, 6, 7, tzinfo=UTC), Rating.GOOD)
    late = Review("infonce.a", datetime(2026, 1, 6, 2, tzinfo=UTC), Rating.GOOD)
    one, two, three = (
        memories(made)["infonce.a"] for made in ([evening], [evening, morning], [evening, late])
    )
    assert (one.last, two.last, three.last) == (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 5))
    assert two.stability > three.stability


def test_what_was_not_known_is_due_the_next_day_and_is_no_lapse_the_first_time():
    (memory,) = memories(history([(Rating.AGAIN, 0)])).values()
    assert (memory.due - memory.last).days == 1
    assert (memory.reviews, memory.lapses) == (1, 0)
    (memory,) = memories(history([(Rating.AGAIN, 0), (Rating.GOOD, 1), (Rating.AGAIN, 9)])).values()
    assert (memory.reviews, memory.lapses, (memory.due - memory.last).days) == (3, 1, 1)


@given(
    steps=st.lists(st.tuples(st.sampled_from(Rating), st.integers(-400, 400)), min_size=1, max_size=12),
)
def test_a_clock_that_jumps_never_makes_an_error_nor_loses_a_review(steps):
    made = history(steps)
    memory = memories(made)["infonce.a"]
    assert memory.reviews == len(made)
    assert memory.last == made[-1].day
    assert memory.due > memory.last
    for days in (-1000, -1, 0, 1, 1000):
        assert 0 < memory.retrievability(memory.last + days * DAY) <= 1


def test_a_review_before_the_one_it_follows_counts_as_one_of_the_same_day():
    right = memories(history([(Rating.GOOD, 0), (Rating.GOOD, 0)]))["infonce.a"]
    moved = memories(history([(Rating.GOOD, 0), (Rating.GOOD, -30)]))["infonce.a"]
    assert moved.stability == right.stability
    assert moved.due == right.due - 30 * DAY


@given(interval=st.integers(1, 4000), count=st.integers(1, 50))
def test_fuzz_stays_near_and_is_the_same_each_time(interval, count):
    found = fuzzed(interval, "infonce.a", count)
    assert found == fuzzed(interval, "infonce.a", count)
    assert abs(found - interval) <= 0.05 * interval + 3
    assert found == interval if interval < 2.5 else found >= 2


def test_fuzz_parts_cards_that_were_begun_together():
    days = {fuzzed(30, f"infonce.card{n}", 3) for n in range(60)}
    assert min(days) < 29
    assert max(days) > 31
    assert abs(sum(fuzzed(30, f"infonce.card{n}", 3) for n in range(500)) / 500 - 30) < 0.5


def test_states_are_those_of_the_reviews(tmp_path):
    records = Records(tmp_path / "drills.sqlite")
    made = history([(Rating.GOOD, 0), (Rating.HARD, 2)])
    for review in made:
        records.add(review)
    assert records.states() == memories(made)


def test_what_an_answer_took_is_remembered_until_another_is_timed():
    memory = answered(None, "infonce.a", Rating.GOOD, START.date(), seconds=42, credit=0.8)
    assert (memory.seconds, memory.credit) == (42, 0.8)
    memory = answered(memory, "infonce.a", Rating.AGAIN, START.date())
    assert (memory.seconds, memory.credit) == (42, 0.0)


@pytest.mark.parametrize("rating", Rating)
def test_a_better_rating_is_never_due_earlier(rating):
    plain = [answered(None, "a", one, START.date()).stability for one in Rating]
    assert plain == sorted(plain)
    first = answered(None, "a", rating, START.date())
    later = [answered(first, "a", one, first.due).stability for one in Rating]
    assert later == sorted(later)
