"""What is due, and today's queue."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import deck

from autograder.progress import Event
from drills.deck import load
from drills.records import Records, Review, Settings
from drills.scheduling import Schedule, forecast
from drills.scheduling.memory import Memory
from drills.schema import Bug, Code
from drills.steps import Rating

TODAY = date(2026, 3, 1)
DAY = timedelta(days=1)
DECK = deck(topics=4, each=5)


def memory(card, stability=10.0, ago=5, due=0, **more):
    last = TODAY - ago * DAY
    return Memory(card, stability, 5.0, last, TODAY + due * DAY, 3, 0, Rating.GOOD, **more)


def known(*memories):
    return {one.card: one for one in memories}


def met(mistake, ago=1):
    at = datetime(2026, 3, 1, 12).astimezone() - ago * DAY
    return Event(at.astimezone(UTC), "infonce.clip_loss", "attempt", 0.5, mistake, 10)


def test_a_new_learner_gets_new_cards_in_turn_from_all_topics_the_easier_first():
    queue = Schedule(DECK).queue(12, TODAY)
    assert queue == (
        *(f"topic{t}.card0" for t in range(4)),
        *(f"topic{t}.card3" for t in range(4)),  # level 1 too: levels go 1, 2, 3, 1, 2
    )


def test_new_cards_come_from_the_topics_seen_least():
    schedule = Schedule(DECK, known(*(memory(f"topic0.card{c}", due=9) for c in range(3))))
    assert [card.partition(".")[0] for card in schedule.queue(13.5, TODAY)] == [
        "topic1",
        "topic2",
        "topic3",
        "topic1",
        "topic2",
        "topic3",
        "topic1",
        "topic2",
        "topic3",
    ]


def test_due_cards_come_before_new_ones_likeliest_to_be_forgotten_first():
    schedule = Schedule(
        DECK,
        known(
            memory("topic0.card0", stability=30, ago=30),
            memory("topic1.card0", stability=4, ago=30, due=-10),
            memory("topic2.card0", stability=10, ago=30, due=-3),
            memory("topic3.card0", stability=4, ago=1, due=1),
        ),
    )
    assert schedule.due(TODAY) == ("topic1.card0", "topic2.card0", "topic0.card0")
    assert schedule.queue(6, TODAY)[:3] == schedule.due(TODAY)
    assert len(schedule.queue(6, TODAY)) == 4


def test_the_time_of_day_does_not_matter_but_the_night_does():
    schedule = Schedule(DECK, known(memory("topic0.card0", due=1)))
    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert schedule.due(at) == schedule.due(at.replace(hour=23)) == ("topic0.card0",)
    assert schedule.due(at - timedelta(minutes=1)) == ()


@pytest.mark.parametrize("minutes", [0, 0.1, 1.5, 4, 30, 10_000])
def test_a_queue_fits_its_minutes_but_is_not_empty(minutes):
    schedule = Schedule(DECK, known(memory("topic0.card0"), memory("topic1.card1", ago=20)))
    queue = schedule.queue(minutes, TODAY)
    assert len(queue) == max(1, min(int(minutes / 1.5), 20))
    assert len(set(queue)) == len(queue)


def test_a_card_too_long_for_what_is_left_makes_room_for_shorter_ones():
    uneven = deck(topics=1, each=3, minutes=lambda place: [2, 9, 3][place])
    assert Schedule(uneven).queue(6, TODAY) == ("topic0.card0", "topic0.card2")


def test_a_card_takes_what_it_took_last_time_within_bounds():
    took = {"topic0.card0": 0, "topic0.card1": 60, "topic0.card2": 1, "topic0.card3": 9999}
    schedule = Schedule(DECK, known(*(memory(card, seconds=s) for card, s in took.items())))
    assert [schedule.minutes_of(card) for card in took] == [1.5, 1, 0.375, 3]
    assert schedule.minutes_of("topic1.card0") == 1.5


def test_only_some_topics():
    schedule = Schedule(DECK, known(memory("topic0.card0"), memory("topic1.card0")))
    assert schedule.queue(100, TODAY, topics={"topic1"}) == tuple(f"topic1.card{c}" for c in (0, 3, 1, 4, 2))
    assert schedule.queue(100, TODAY, topics=()) == ()


def test_a_card_that_left_the_deck_is_not_due():
    schedule = Schedule(DECK, known(memory("topic9.card9")))
    assert schedule.due(TODAY) == ()
    assert forecast(schedule, TODAY, 3)[0].due == 0


MISTAKES = deck(topics=2, each=3, misconceptions=lambda place: [f"a.b:m{place % 3}"])


def test_a_mistake_met_in_a_lesson_puts_its_card_on_top_the_next_day():
    schedule = Schedule(
        MISTAKES, known(memory("topic0.card0", ago=90, due=-80)), events=[met("a.b:m1", ago=0)]
    )
    assert schedule.queue(9, TODAY)[0] == "topic0.card0"
    assert schedule.queue(9, TODAY + DAY)[:2] == ("topic0.card1", "topic0.card0")


def test_it_stays_there_until_it_was_answered_on_a_later_day():
    events = [met("a.b:m1", ago=2)]
    card = "topic0.card1"
    same_day = Schedule(
        MISTAKES, known(memory(card, ago=2, due=9), memory("topic1.card1", ago=9, due=5)), events=events
    )
    assert same_day.queue(9, TODAY)[0] == "topic1.card1"  # not seen for longer
    answered = same_day.answered("topic1.card1", Rating.AGAIN, TODAY - DAY)
    assert answered.queue(9, TODAY)[0] == "topic1.card1"  # as it is due: it was not known
    answered = same_day.answered("topic1.card1", Rating.EASY, TODAY - DAY)
    assert "topic1.card1" not in answered.queue(9, TODAY)
    again = Schedule(MISTAKES, answered.known, events=[*events, met("a.b:m1", ago=1)])
    assert again.queue(9, TODAY)[0] == "topic0.card1"


def test_several_mistakes_the_latest_first_in_at_most_half_of_the_minutes():
    events = [
        met("a.b:m0", 3),
        met("a.b:m2+a.b:m1", 2),
        met("a.b:unknown", 1),
        met(None, 1),
        met("a.b:m0", 4),
    ]
    schedule = Schedule(MISTAKES, events=events)
    assert schedule.queue(100, TODAY)[:3] == ("topic0.card0", "topic0.card1", "topic0.card2")
    # The clock may have moved between two attempts: what counts is the order.
    assert schedule.queue(6, TODAY)[:2] == ("topic0.card0", "topic0.card1")
    assert len(schedule.queue(6, TODAY)) == 4


def test_a_card_that_is_due_and_on_a_mistake_comes_once():
    schedule = Schedule(MISTAKES, known(memory("topic0.card1")), events=[met("a.b:m1", 2)])
    queue = schedule.queue(100, TODAY)
    assert sorted(queue) == sorted(MISTAKES.cards)


def test_after_a_wrong_clock_a_card_is_due_at_once_and_heals_with_one_answer():
    wrong = memory("topic0.card0", ago=-365, due=400)
    schedule = Schedule(DECK, known(wrong, memory("topic1.card0", ago=9)))
    assert schedule.due(TODAY) == ("topic1.card0", "topic0.card0")
    healed = schedule.answered("topic0.card0", Rating.GOOD, TODAY)
    assert healed.known["topic0.card0"].last == TODAY
    assert "topic0.card0" not in healed.due(TODAY)
    assert healed.known["topic0.card0"].due < TODAY + 100 * DAY
    near = Schedule(DECK, known(memory("topic0.card0", ago=-1, due=5)))  # another time zone, say
    assert near.due(TODAY) == ()


interviews = st.integers(1, 40)
some = st.lists(
    st.tuples(st.floats(0.1, 300), st.integers(0, 60), st.integers(-20, 90)), min_size=1, max_size=20
)


@given(cards=some, ahead=interviews, minutes=st.floats(0, 120))
def test_before_an_interview_no_card_waits_beyond_it_unless_it_was_just_seen_and_will_be_known(
    cards, ahead, minutes
):
    interview = TODAY + ahead * DAY
    memories = [memory(name, *rest) for name, rest in zip(DECK.cards, cards, strict=False)]
    schedule = Schedule(DECK, known(*memories), interview=interview, minutes=minutes)
    plain = Schedule(DECK, schedule.known).due_days(TODAY)
    for card, day in schedule.due_days(TODAY).items():
        found = schedule.known[card]
        assert TODAY <= day <= plain[card]
        assert day < interview or (
            interview - found.last <= 14 * DAY and found.retrievability(interview) >= 0.9
        )


@given(cards=some, past=st.integers(0, 40))
def test_an_interview_that_is_today_or_past_holds_nothing_back(cards, past):
    memories = [memory(name, *rest) for name, rest in zip(DECK.cards, cards, strict=False)]
    schedule = Schedule(DECK, known(*memories), interview=TODAY - past * DAY)
    assert schedule.due_days(TODAY) == Schedule(DECK, schedule.known).due_days(TODAY)


def test_the_last_round_has_the_weakest_on_its_last_day_and_fits_the_minutes():
    cards = [memory(name, 50.0 + 10 * n, ago=60, due=100) for n, name in enumerate(DECK.cards)]
    schedule = Schedule(DECK, known(*cards), interview=TODAY + 30 * DAY, minutes=10)
    days = schedule.due_days(TODAY)
    order = [days[name] for name in DECK.cards]  # the weakest first
    assert order == sorted(order, reverse=True)
    assert [order.count(TODAY + n * DAY) for n in range(24, 30)] == [4] * 5 + [
        0
    ]  # of 1.5 minutes, in 6 of 10


def test_a_long_new_card_is_begun_though_a_days_part_is_shorter():
    mixed = deck(topics=2, each=10, minutes=lambda place: 8 if place == 19 else 1.5)
    due = known(*(memory(card, ago=20, due=-9) for card in mixed.cards if card != "topic1.card9"))
    assert "topic1.card9" not in Schedule(mixed, due).queue(20, TODAY)  # what is due fills the day
    queue = Schedule(mixed, due, interview=TODAY + 20 * DAY).queue(20, TODAY)
    assert queue[-1] == "topic1.card9"
    assert len(queue) == 9


def test_up_to_three_days_before_an_interview_new_cards_come_before_the_last_round():
    cards = known(*(memory(f"topic{t}.card{c}", 60.0, ago=20, due=50) for t in range(4) for c in range(4)))
    for ahead, first in [(5, "new"), (4, "new"), (3, "again"), (1, "again")]:
        schedule = Schedule(DECK, cards, interview=TODAY + ahead * DAY, minutes=9)
        assert schedule.due(TODAY)
        queue = schedule.queue(6, TODAY)
        assert ["again" if card in cards else "new" for card in queue] == [first] * 4


def test_the_schedule_of_a_learner(tmp_path):
    records = Records(tmp_path / "drills.sqlite")
    records.add(Review("topic0.card0", datetime(2026, 2, 1, 12, tzinfo=UTC), Rating.GOOD))
    records.change_settings(Settings(TODAY + 9 * DAY, 45))
    schedule = Schedule.of(DECK, records)
    assert schedule.due(TODAY) == ("topic0.card0",)
    assert (schedule.interview, schedule.minutes, schedule.events) == (TODAY + 9 * DAY, 45, ())
    assert 0.5 < schedule.retrievability("topic0.card0", TODAY) < 0.9
    assert schedule.retrievability("topic0.card1", TODAY) == 0


def test_a_worked_answer_that_was_looked_at_brings_a_card_on_its_exercise_the_next_day():
    course = load()
    exercise = next(card.exercise for card in course.cards.values() if isinstance(card, Code))
    looked = Event(datetime(2026, 3, 1, 12, tzinfo=UTC), exercise, "solution")
    schedule = Schedule(course, events=[looked])
    first = course.cards[schedule.queue(30, TODAY + DAY)[0]]
    assert isinstance(first, Code | Bug)
    assert first.exercise == exercise
    assert first.id not in schedule.queue(5, TODAY)
