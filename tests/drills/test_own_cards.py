"""A learner's own cards: proved, kept, drilled beside the course's; a broken file stops nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drills.deck import DeckError, load
from drills.own_cards import add, folder, whole_deck

MINE = """
topic: mine
title: My own
cards:
  - id: mine.sum
    kind: choice
    question: What is $1 + 1$?
    level: 1
    minutes: 1
    skills: [softmax]
    sources: [C4]
    options:
      - {text: "2", reason: So it is., right: true}
      - {text: "1", reason: That is the product.}
      - {text: "11", reason: These are not strings.}
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "work" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(MINE, encoding="utf-8")
    return path


def test_added_cards_stand_beside_the_courses(mine):
    assert set(whole_deck().cards) == set(load().cards)
    assert [card.id for card in add(mine).cards] == ["mine.sum"]
    assert set(whole_deck().cards) == {*load().cards, "mine.sum"}


def test_the_example_of_the_documentation_is_in_order(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "drills.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(example, encoding="utf-8")
    assert [card.id for card in add(tmp_path / "mine.yaml").cards] == ["mine.kv_bytes"]


def test_adding_again_replaces_and_keeps_the_earlier_file(mine):
    add(mine)
    mine.write_text(MINE.replace("$1 + 1$", "$2$"), encoding="utf-8")
    add(mine)
    assert whole_deck().cards["mine.sum"].question == "What is $2$?"
    assert (folder() / "mine.yaml.old").read_text(encoding="utf-8") == MINE
    add(folder() / "mine.yaml")  # the kept file itself
    assert whole_deck().cards["mine.sum"].question == "What is $2$?"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("mine", "infonce"), r"the course has this topic"),
        (("level: 1", "level: 9"), r"mine\.yaml, card mine\.sum, level"),
        (("$1 + 1$", r"$\\unheard{1}$"), r"mine\.sum"),
        (("1 + 1$", "1 + 1"), r"opens mathematics"),
    ],
)
def test_what_is_not_in_order_is_not_added(mine, change, said):
    path = mine.with_name("infonce.yaml") if change[1] == "infonce" else mine
    path.write_text(MINE.replace(*change), encoding="utf-8")
    with pytest.raises(DeckError, match=said):
        add(path)
    assert "mine.sum" not in whole_deck().cards
    assert not (folder() / path.name).exists()


def test_a_file_that_was_broken_afterwards_is_left_out_with_a_word(mine):
    add(mine)
    (folder() / "mine.yaml").write_text("cards: [", encoding="utf-8")
    said = []
    assert set(whole_deck(said.append).cards) == set(load().cards)
    [sentence] = said
    assert sentence.startswith("Some cards of yours are left out. mine.yaml")


def test_while_nothing_is_kept_there_are_no_own_cards(mine, monkeypatch):
    add(mine)
    monkeypatch.setenv("COURSE_DRILLS", "off")
    assert set(whole_deck().cards) == set(load().cards)
    with pytest.raises(DeckError, match="COURSE_DRILLS is off"):
        add(mine)


def test_a_place_that_cannot_be_written_is_named(mine, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_DRILLS", str(Path(tmp_path / "file" / "drills.sqlite")))
    with pytest.raises(DeckError, match="cannot be copied there"):
        add(mine)
