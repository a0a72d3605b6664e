"""The proof of a deck as a whole, and the command that proves it."""

import pytest
import yaml

from drills.deck import Deck
from drills.proving import prove_deck
from drills.proving.__main__ import main
from drills.proving.references import CLAIMS, known
from drills.schema import Topic


@pytest.fixture
def deck(make):
    """150 cards over all lessons and claims."""
    lessons = sorted(known()["lessons"])[1:]
    topics = []
    for number, lesson in enumerate(lessons):
        name = f"toys{number}"
        cards = tuple(
            make("scenario", id=f"{name}.card{place}", sources=CLAIMS[place::17] or CLAIMS[:1])
            for place in range(17)
        )
        topics.append(Topic(topic=name, title="Toys", lesson=lesson, cards=cards))
    return Deck(tuple(topics), {card.id: card for topic in topics for card in topic.cards})


def without(deck, *ids):
    topics = [
        topic.model_copy(update={"cards": tuple(card for card in topic.cards if card.id not in ids)})
        for topic in deck.topics
    ]
    return Deck(tuple(topics), {id: card for id, card in deck.cards.items() if id not in ids})


def said(deck):
    return [str(fault) for fault in prove_deck(deck)]


def test_a_full_deck_is_proven(deck):
    assert len(deck.cards) == 153
    assert said(deck) == []


def test_a_deck_that_is_too_small_is_a_fault(deck):
    ids = [f"toys{number}.card0" for number in range(4)]
    assert said(without(deck, *ids)) == ["the deck: it has 149 cards, fewer than 150"]


def test_a_lesson_without_cards_is_a_fault(deck):
    thin = said(without(deck, *[f"toys2.card{place}" for place in range(10)]))
    assert "the deck: lesson 03_siglip has 7 cards, fewer than 8" in thin


def test_a_claim_without_cards_is_a_fault(deck):
    c7 = [card.id for card in deck.cards.values() if "C7" in card.sources][1:]
    assert "the deck: claim C7 has 1 cards, fewer than 2" in said(without(deck, *c7))


def test_a_lesson_that_is_not_there_is_a_fault(deck):
    astray = deck.topics[0].model_copy(update={"lesson": "42_dreams"})
    assert "toys0.yaml, lesson: there is no lesson 42_dreams" in said(
        Deck((astray, *deck.topics[1:]), deck.cards)
    )


def test_what_is_only_to_be_looked_at(deck, make):
    long = {"options.0.text": "It is the first one, yes"}
    cards = tuple(
        make("choice", id=f"odd.card{place}", skills=[f"skill {place}"], **long) for place in range(3)
    )
    odd = Topic(topic="odd", title="Odd", cards=cards)
    found = prove_deck(Deck((*deck.topics, odd), deck.cards))
    assert all(fault.warning for fault in found)
    assert "odd.yaml: (look) the right option is the longest in 3 of 3 choices" in map(str, found)
    assert (
        "odd.yaml, card odd.card0, skills: (look) no exercise and no other card has the skill 'skill 0'"
        in map(str, found)
    )


def write(folder, card, **changes):
    fields = card.model_dump(mode="json") | changes
    topic = {"topic": "toys", "title": "Toys", "lesson": "01_infonce", "cards": [fields]}
    (folder / "toys.yaml").write_text(yaml.safe_dump(topic), encoding="utf-8")


def test_the_command_tells_each_fault_in_a_line(tmp_path, make, capsys):
    write(tmp_path, make("numeric", answer="log(M)"))
    assert main(["toys", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "toys.yaml, card toys.toy, answer: Nothing here is called M; there is N, x (seed 0)",
        "1 cards: 1 faults, 0 to look at",
    ]


def test_the_command_runs_the_programs(tmp_path, make, capsys):
    card = make("bug", code="def cosine(a, b):\n    return (a @ b) / a.norm()\n")
    write(tmp_path, card)
    assert main(["toys", "--folder", str(tmp_path), "--no-programs"]) == 0
    assert main(["toys", "--folder", str(tmp_path)]) == 1
    assert (
        "toys.yaml, card toys.toy, code: is recognised as start_here.cosine:one_norm"
        in capsys.readouterr().out
    )


def test_the_command_proves_the_whole_deck(tmp_path, make, capsys):
    write(tmp_path, make("scenario"))
    assert main(["--folder", str(tmp_path)]) == 1
    assert "the deck: it has 1 cards, fewer than 150" in capsys.readouterr().out


def test_the_command_says_what_cannot_be_read(tmp_path, make, capsys):
    write(tmp_path, make("scenario"), level=9)
    assert main(["--folder", str(tmp_path)]) == 1
    assert "toys.yaml, card toys.toy, level" in capsys.readouterr().out
    assert main(["nothing", "--folder", str(tmp_path)]) == 1
    assert "nothing.yaml: cannot be read" in capsys.readouterr().out
