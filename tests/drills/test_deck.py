"""Reading cards: what fits is read, and each fault is said with its file, card and field."""

from __future__ import annotations

import textwrap

import pytest
import yaml

from drills import deck
from drills.deck import DeckError, load, read

CHOICE = """
topic: infonce
title: InfoNCE
cards:
  - id: infonce.sum
    kind: choice
    question: Over what does a row of the softmax sum?
    level: 1
    minutes: 1
    skills: [softmax]
    sources: [C4]
    options:
      - {text: texts, reason: A row belongs to an image., right: true}
      - {text: images, reason: That is a column.}
      - {text: pairs, reason: That is the sigmoid loss.}
"""


@pytest.fixture
def write(tmp_path):
    def write(content, name="infonce.yaml"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(content), encoding="utf-8")
        return path

    return write


def changed(change, content=CHOICE):
    data = yaml.safe_load(content)
    change(data["cards"][0], data)
    return yaml.safe_dump(data, allow_unicode=True)


def test_a_file_that_fits_is_read(write):
    topic = read(write(CHOICE))
    [card] = topic.cards
    assert (card.id, card.topic, card.kind) == ("infonce.sum", "infonce", "choice")
    assert [option.right for option in card.options] == [True, False, False]


def _right(card, data):
    card["options"][1]["right"] = True


def _level(card, data):
    card["level"] = 4


def _unknown(card, data):
    card["hint"] = "no"


def _kind(card, data):
    card["kind"] = "riddle"


def _no_id(card, data):
    del card["id"]


def _dollar(card, data):
    card["question"] = "What is $x?"


def _escape(card, data):
    card["question"] = "clear \x1b[2J"


def _source(card, data):
    card["sources"] = ["somewhere"]


def _reason(card, data):
    card["options"][2]["reason"] = "   "


def _other_topic(card, data):
    card["id"] = "siglip.sum"


def _twice(card, data):
    data["cards"].append(dict(card))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_right, "infonce.yaml, card infonce.sum: one option should be right; 2 are"),
        (_level, "infonce.yaml, card infonce.sum, level: Input should be 1, 2 or 3"),
        (_unknown, "infonce.yaml, card infonce.sum, hint: Extra inputs are not permitted"),
        (_kind, "infonce.yaml, card infonce.sum: Input tag 'riddle'"),
        (_no_id, "infonce.yaml, card number 1, id: Field required"),
        (_dollar, "infonce.yaml, card infonce.sum, question: opens mathematics with $"),
        (_escape, "infonce.yaml, card infonce.sum, question: holds the control character U+001B"),
        (_source, "infonce.yaml, card infonce.sum, sources.0: String should match"),
        (_reason, "infonce.yaml, card infonce.sum, options.2.reason: is empty"),
        (_other_topic, "infonce.yaml: siglip.sum should be called infonce.…"),
        (_twice, "infonce.yaml: infonce.sum stands here twice"),
    ],
)
def test_a_fault_is_said_with_file_card_and_field(write, change, said):
    path = write(changed(change).replace("\\e", "\\x1b"))
    with pytest.raises(DeckError) as error:
        read(path)
    assert said in str(error.value)


def test_every_fault_is_said_at_once(write):
    def change(card, data):
        _level(card, data)
        _reason(card, data)

    with pytest.raises(DeckError) as error:
        read(write(changed(change)))
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("cards: [", "infonce.yaml, line 2: is not YAML"),
        ("topic: [a: b: c]", "infonce.yaml, line 1: is not YAML"),
        ("", "infonce.yaml: Input should be a valid dictionary"),
        ("- 1", "infonce.yaml: Input should be a valid dictionary"),
        ("cards: 3", "infonce.yaml, cards: Input should be a valid tuple"),
        ("cards: [3]", "infonce.yaml, card number 1"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_what_is_no_topic_is_refused(write, content, said):
    with pytest.raises(DeckError, match=r"infonce\.yaml") as error:
        read(write(content))
    assert said in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    with pytest.raises(DeckError, match=r"missing\.yaml: cannot be read: No such file"):
        read(tmp_path / "missing.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("title: Größe".encode("latin-1"))
    with pytest.raises(DeckError, match=r"latin\.yaml: is not UTF-8 at byte 9"):
        read(latin)
    monkeypatch.setattr(deck, "LIMIT", 10)
    with pytest.raises(DeckError, match=r"latin\.yaml: holds over 10 bytes"):
        read(latin)


def test_a_file_is_named_like_its_topic(write):
    with pytest.raises(DeckError, match=r"other\.yaml: topic is infonce; .* infonce\.yaml"):
        read(write(CHOICE, "other.yaml"))


def test_a_deck_is_made_of_folders_and_has_each_id_once(write, tmp_path):
    write(CHOICE)
    more = tmp_path / "more"
    more.mkdir()
    (more / "mine.yaml").write_text(CHOICE.replace("infonce", "mine"), encoding="utf-8")
    both = load(tmp_path, more)
    assert list(both.cards) == ["infonce.sum", "mine.sum"]
    assert both.of_topic("mine") == (both.cards["mine.sum"],)
    with pytest.raises(KeyError, match="nothing"):
        both.of_topic("nothing")
    (more / "infonce.yaml").write_text(CHOICE, encoding="utf-8")
    with pytest.raises(DeckError, match=r"card infonce\.sum: another file has a card of this id"):
        load(tmp_path, more)


def test_the_faults_of_all_files_are_said_together(write, tmp_path):
    write(changed(_level))
    write(changed(_level).replace("infonce", "siglip"), "siglip.yaml")
    with pytest.raises(DeckError) as error:
        load(tmp_path)
    assert [line.partition(",")[0] for line in str(error.value).splitlines()] == [
        "infonce.yaml",
        "siglip.yaml",
    ]
