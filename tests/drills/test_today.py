"""Which cards are for now: those that were left, those that were asked for, those that are due."""

from datetime import timedelta

import pytest

from drills import claims, clock, sittings, today
from drills.records import Records
from drills.sessions import Session
from drills.steps import Show

LEAVES = "tea.leaves"


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "drills.sqlite")


def left(records, sitting):
    """Leave a sitting, as a process does that ends."""
    claims.release(records.path, sitting.id)
    return sitting


def test_what_was_left_goes_on(deck, records):
    first = left(records, today.sitting(deck, records, 30))
    again = today.sitting(deck, records, 5)
    assert (again.id, again.queue) == (first.id, first.queue)


def test_a_chosen_card_goes_on_with_itself_only(deck, records):
    plan = left(records, today.sitting(deck, records, 30))
    chosen = left(records, today.sitting(deck, records, card=LEAVES))
    assert (chosen.queue, chosen.id != plan.id) == ((LEAVES,), True)
    assert today.sitting(deck, records, card=LEAVES).id == chosen.id


def test_a_topic_goes_on_with_its_own_cards_only(deck, records):
    other = records.begin("drill", ("coffee.beans", LEAVES), 1, clock.now())
    chosen = today.sitting(deck, records, 30, ["tea"])
    assert chosen.id != other.id
    assert {card.partition(".")[0] for card in chosen.queue} == {"tea"}


def test_what_somebody_is_at_is_left_to_them(deck, records):
    first = today.sitting(deck, records, card=LEAVES)
    assert today.sitting(deck, records, card=LEAVES).id != first.id


def test_new_cards_can_be_held_back(deck, records):
    assert today.sitting(deck, records, 30, new=0) is None
    assert len(today.sitting(deck, records, 30, new=2).queue) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"card": "tea.leave"}, "There is no card 'tea.leave'. Did you mean 'tea.leaves'?"),
        ({"topics": ["te"]}, "There is no topic 'te'. Did you mean 'tea'?"),
        ({"card": "zzz"}, "There is no card 'zzz'."),
    ],
)
def test_what_is_not_there_is_named(deck, records, asked, said):
    with pytest.raises(today.DrillError) as error:
        today.sitting(deck, records, **asked)
    assert str(error.value) == said
    assert records.unfinished() == []


def cut_off(deck, records, replies):
    """A sitting that was left after some replies to its first card."""
    session = Session(deck.cards, records, today.sitting(deck, records, 30))
    for _ in range(replies):
        while isinstance(session.step, Show):
            session.reply()
        session.reply()  # I do not know; the rating as computed
    session.leave()
    return session


def on_another_day(monkeypatch, days=1):
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=days))


@pytest.mark.parametrize("replies", [0, 1, 3])
def test_on_the_same_day_it_goes_on(deck, records, replies):
    left = cut_off(deck, records, replies)
    assert today.sitting(deck, records, 1).id == left._sitting.id


def test_on_another_day_the_cards_of_that_day_are_asked(deck, records, monkeypatch):
    left = cut_off(deck, records, 3)
    assert len(left.outcomes) == 1
    assert left.place == 1
    on_another_day(monkeypatch)
    found = today.sitting(deck, records, 30)
    assert found.id != left._sitting.id
    assert found.queue[0] == left.outcomes[0].card  # not known yesterday, so due today
    assert [sitting.id for sitting in records.unfinished()] == [found.id]


def test_a_card_half_answered_is_never_lost(deck, records, monkeypatch):
    left = cut_off(deck, records, 1)
    on_another_day(monkeypatch, 3)
    found = today.sitting(deck, records, 30)
    assert found.id == left._sitting.id
    session = Session(deck.cards, records, found)
    assert session.step == left.step


def test_what_another_terminal_is_at_is_left_alone(deck, records, monkeypatch):
    open_elsewhere = today.sitting(deck, records, 30)
    on_another_day(monkeypatch)
    found = today.sitting(deck, records, 30)
    assert open_elsewhere.id in [sitting.id for sitting in records.unfinished()]
    assert found.id != open_elsewhere.id


def test_a_skipped_card_is_not_half_answered(deck, records, monkeypatch):
    left = cut_off(deck, records, 1)
    session = Session(deck.cards, records, sittings.pick_up(records, today.KIND))
    session.skip()
    session.leave()
    on_another_day(monkeypatch)
    assert today.sitting(deck, records, 30).id != left._sitting.id
