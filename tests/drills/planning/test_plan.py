"""Each day's cards and exercises until an interview."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import deck

from autograder.progress import Event
from autograder.progress.standing import Item, Lesson
from drills.deck import Deck
from drills.planning import PlanError, plan
from drills.scheduling import Schedule
from drills.steps import Rating

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)
DECK = deck(topics=4, each=10)


def item(exercise, minutes=10, credit=0.0, stretch=False):
    return Item(exercise, exercise, "n.ipynb", "checked", minutes, 1.0, stretch, (), {}, credit)


def lesson(number, *items):
    return Lesson(f"0{number}_l", f"Lesson {number}", items, ())


LESSONS = [
    lesson(0, item("l0.a", 5), item("l0.solved", 5, credit=1.0), item("l0.extra", stretch=True)),
    lesson(1, item("l1.a"), item("l1.b", 15), item("l1.c")),
    lesson(2, item("l2.a"), item("l2.b")),
]


def laid(ahead=14, minutes=30, schedule=None, lessons=LESSONS, **more):
    return plan(schedule or Schedule(DECK), lessons, TODAY, TODAY + ahead * DAY, minutes, **more)


def begun(days=1, rating=Rating.GOOD, cards=8):
    schedule = Schedule(DECK)
    for card in list(DECK.cards)[:cards]:
        schedule = schedule.answered(card, rating, TODAY - days * DAY)
    return schedule


def test_each_day_until_the_interview_has_its_cards_and_exercises_in_its_minutes():
    found = laid()
    assert [day.day for day in found.days] == [TODAY + n * DAY for n in range(14)]
    for day in found.days:
        assert 0 < day.total <= 30
        assert sum(day.minutes.values()) == pytest.approx(1.5 * len(day.cards))
        assert set(day.minutes) == {card.partition(".")[0] for card in day.cards}
        assert 0 <= day.again <= len(day.cards)
    assert {card for day in found.days for card in day.cards} == set(DECK.cards)
    assert (found.unseen, found.unsolved, found.notes) == ((), (), ())
    assert 0.9 < found.known <= 1


def test_a_new_learner_begins_with_the_diagnostic_and_nobody_else_does():
    assert [day.diagnostic for day in laid().days] == [15.0] + [0.0] * 13
    assert laid(minutes=10).days[0].diagnostic == 10
    assert not any(day.diagnostic for day in laid(schedule=begun()).days)


def test_only_core_exercises_that_are_not_solved_and_none_in_the_last_fifth():
    found = laid()
    dealt = [one.id for day in found.days for one in day.exercises]
    assert dealt == ["l0.a", "l1.a", "l1.b", "l1.c", "l2.a", "l2.b"]
    assert not any(day.exercises for day in found.days[-3:])
    assert all(sum(one.minutes for one in day.exercises) <= 30 for day in found.days)


def test_exercises_take_a_third_of_the_minutes():
    many = [lesson(1, *(item(f"l1.e{n}", 7 + n % 9) for n in range(90)))]
    found = laid(40, 30, schedule=begun(), lessons=many)
    spent = sum(one.minutes for day in found.days for one in day.exercises)
    assert spent == pytest.approx(32 * 10, abs=15)
    assert found.unsolved
    assert [one.id for day in found.days for one in day.exercises] + [one.id for one in found.unsolved] == [
        f"l1.e{n}" for n in range(90)
    ]
    assert any("must wait" in note for note in found.notes)


def test_the_weakest_lesson_comes_first():
    topics = tuple(
        topic.model_copy(update={"lesson": name})
        for topic, name in zip(DECK.topics, ["00_l", "01_l", "02_l", None], strict=True)
    )
    cards = Deck(topics, DECK.cards)
    schedule = Schedule(cards)
    for card in [*list(cards.cards)[:5], *list(cards.cards)[10:13]]:  # five of lesson 0, three of lesson 1
        schedule = schedule.answered(card, Rating.GOOD, TODAY - DAY)
    found = laid(schedule=schedule)
    assert [one.id for day in found.days for one in day.exercises] == [
        "l2.a",
        "l2.b",
        "l1.a",
        "l1.b",
        "l1.c",
        "l0.a",
    ]
    attempts = [Event(datetime(2026, 3, 1, tzinfo=UTC), f"l2.{e}", "attempt", 0.9, None, 1) for e in "ab"] * 2
    shown = Schedule(cards, {}, events=attempts)
    assert next(one.id for day in laid(schedule=shown).days for one in day.exercises) == "l0.a"
    assert [one.id for day in laid(schedule=shown).days for one in day.exercises][-1] == "l2.b"


def test_the_same_state_gives_the_same_plan_and_an_answer_another():
    assert laid(schedule=begun()) == laid(schedule=begun())
    assert laid(schedule=begun()) != laid(schedule=begun(rating=Rating.AGAIN))


def test_a_plan_that_was_followed_goes_on_as_it_was():
    whole = laid(schedule=begun(), lessons=[])
    schedule = Schedule(DECK, begun().known)
    from drills.planning.plan import _answer

    for card in whole.days[0].cards:  # answered as the plan expected
        schedule = schedule.answered(card, _answer(schedule.known.get(card), card, TODAY), TODAY)
    rest = plan(schedule, [], TODAY + DAY, whole.interview, 30)
    assert rest.days == whole.days[1:]


def test_missed_days_are_said_and_the_rest_is_laid_anew():
    start = TODAY - 7 * DAY
    drilled = {start, start + DAY, TODAY - DAY, TODAY}
    found = laid(10, schedule=begun(days=6), drilled=drilled, planned=start)
    assert found.notes[0] == (
        "You drilled on 3 of the 7 days since 2026-02-23: this plan starts from where you are."
    )
    assert found.days[0].day == TODAY
    assert set(begun(days=6).due(TODAY)) <= set(found.days[0].cards)
    assert laid(10, schedule=begun(), drilled={TODAY - DAY}, planned=TODAY - DAY).notes == ()
    assert laid(10, schedule=begun(), planned=TODAY).notes == ()


def test_a_date_that_is_moved_spreads_or_crowds_the_same_cards():
    near, far = laid(10, schedule=begun(), lessons=[]), laid(40, schedule=begun(), lessons=[])
    assert len(near.days) == 10
    assert len(far.days) == 40
    for found in (near, far):
        assert {card for day in found.days for card in day.cards} == set(DECK.cards)
        last = {card for day in found.days[-14:] for card in day.cards}
        assert last == set(DECK.cards)


def test_too_few_minutes_are_said_with_how_many_would_do():
    found = laid(10, 10, lessons=[])
    assert found.unseen
    assert set(found.unseen) | {card for day in found.days for card in day.cards} == set(DECK.cards)
    (note,) = found.notes
    assert note == f"10 minutes a day reach {40 - len(found.unseen)} of the 40 cards; 20 would reach all."
    assert laid(10, 20, lessons=[]).unseen == ()
    assert (
        laid(3, 5, lessons=[]).notes[0].endswith("of the 40 cards; three times as many would not reach all.")
    )


@pytest.mark.parametrize("ahead", [1, 2])
def test_a_day_or_two_are_for_cards(ahead):
    found = laid(ahead, 60, schedule=begun())
    assert not any(day.exercises for day in found.days)
    words = "1 day" if ahead == 1 else "2 days"
    assert found.notes[-1] == f"{words} left: the plan keeps to cards and leaves the lessons aside."


@pytest.mark.parametrize(
    ("ahead", "says"),
    [
        (-1, "2026-03-01 is past (today is 2026-03-02). Give a date that lies ahead, or drill without one."),
        (
            0,
            "The interview is today: there is no day left to plan. `course drill` brings what you know least.",
        ),
        (367, "2027-03-04 is 367 days ahead, and a plan covers a year. Drill without a date until then."),
    ],
)
def test_a_date_that_cannot_be_planned_for_is_one_sentence(ahead, says):
    with pytest.raises(PlanError) as error:
        laid(ahead)
    assert str(error.value) == says


@pytest.mark.parametrize("minutes", [0, -5, 4.9, 601, float("nan"), float("inf")])
def test_minutes_that_cannot_be_planned_with(minutes):
    with pytest.raises(PlanError, match=r"^A day should have 5 to 600 minutes to plan with; got "):
        laid(minutes=minutes)


@settings(max_examples=25, deadline=None)
@given(
    ahead=st.integers(1, 45),
    minutes=st.floats(5, 120),
    answers=st.lists(
        st.tuples(st.sampled_from(sorted(DECK.cards)), st.integers(-40, 90), st.sampled_from(Rating)),
        max_size=25,
    ),
)
def test_whatever_was_answered_there_is_a_plan(ahead, minutes, answers):
    schedule = Schedule(DECK)
    for card, ago, rating in answers:  # a clock that jumps, too
        schedule = schedule.answered(card, rating, TODAY - ago * DAY)
    found = laid(ahead, minutes, schedule=schedule)
    assert len(found.days) == ahead
    exercises = Counter(one.id for day in found.days for one in day.exercises)
    assert max(exercises.values(), default=1) == 1
    for day in found.days:
        longest = max((schedule.minutes_of(card) for card in day.cards), default=0)
        assert day.total <= max(minutes, longest) + 1.5
        assert len(set(day.cards)) == len(day.cards)
    seen = set(schedule.known) | {card for day in found.days for card in day.cards}
    assert set(found.unseen) == set(DECK.cards) - seen
