"""Fifteen minutes that show where to begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import deck

from drills.deck import Deck, load
from drills.planning import levels, next_card
from drills.schema import Topic

DECK = deck(topics=4, each=9, minutes=0.5)


def ask(deck, learner, minutes=15.0):
    asked = []
    while (card := next_card(deck, asked, minutes)) is not None:
        assert card not in [one for one, _ in asked]
        asked.append((card, learner(deck.cards[card])))
    return asked


def strength(**of_topic):
    return lambda card: card.level <= of_topic[card.topic]


@given(st.tuples(*[st.integers(0, 3)] * 4))
def test_it_finds_the_level_of_every_topic_in_few_questions(true):
    of_topic = {f"topic{n}": level for n, level in enumerate(true)}
    asked = ask(DECK, strength(**of_topic))
    assert levels(DECK, asked) == of_topic
    assert len(asked) == 8  # two of each topic: three levels are parted by two questions
    assert {card.partition(".")[0] for card, _ in asked[:4]} == set(of_topic)
    assert all(DECK.cards[card].level == 2 for card, _ in asked[:4])


def test_it_asks_the_same_again_after_the_same_answers():
    learner = strength(topic0=1, topic1=3, topic2=0, topic3=2)
    assert ask(DECK, learner) == ask(DECK, learner)


@given(st.lists(st.booleans(), min_size=60, max_size=60), st.floats(0.5, 15))
def test_it_ends_in_time_whatever_is_answered(answers, minutes):
    one = iter(answers)
    asked = ask(DECK, lambda card: next(one), minutes)
    assert 0 < sum(DECK.cards[card].minutes for card, _ in asked) <= minutes


def test_no_time_is_no_question():
    assert next_card(DECK, [], 0.4) is None


def mixed():
    """A topic with a short card in words, and longer ones to choose from and to compute."""
    words = load().cards["infonce.why_both_directions"].model_copy(update={"level": 2, "minutes": 1.0})
    number = load().cards["infonce.chance_loss"].model_copy(update={"level": 1, "minutes": 3.0})
    topic = Topic.model_construct(topic="infonce", title="InfoNCE", lesson=None, cards=(words, number))
    return Deck((topic,), {card.id: card for card in topic.cards})


def test_choices_and_numbers_come_before_words():
    assert next_card(mixed(), []) == "infonce.chance_loss"
    assert next_card(mixed(), [], minutes=2.0) == "infonce.why_both_directions"
    assert next_card(mixed(), [("infonce.chance_loss", True)]) == "infonce.why_both_directions"
    assert next_card(mixed(), [("infonce.chance_loss", False)]) is None  # harder ones would tell nothing


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_courses_own_deck_is_asked_without_what_needs_torch(share):
    cards = load()
    asked = ask(cards, lambda card: len(card.id) % 2 < 2 * share)
    assert asked
    assert not {cards.cards[card].kind for card, _ in asked} & {"code", "bug"}
    assert sum(cards.cards[card].minutes for card, _ in asked) <= 15
