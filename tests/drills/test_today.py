"""Which cards are for now: those that were left, those that were asked for, those that are due."""

import pytest

from drills import claims, clock, today
from drills.records import Records

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
