"""A package for Anki: every card once, with ids that stay, and nothing that runs."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing

import pytest

from drills.anki import export_anki


@pytest.fixture
def notes(tmp_path):
    def notes(path):
        with zipfile.ZipFile(path) as package:
            package.extract("collection.anki2", tmp_path)
        with closing(sqlite3.connect(tmp_path / "collection.anki2")) as collection:
            rows = collection.execute("SELECT guid, mid, flds, tags FROM notes ORDER BY id").fetchall()
        return [(guid, mid, *fields.split("\x1f"), tags.split()) for guid, mid, fields, tags in rows]

    return notes


def test_every_card_is_there_with_question_and_answer(deck, tmp_path, notes):
    path = tmp_path / "tea.apkg"
    assert export_anki(deck, path) == len(deck.cards)
    found = {fields[2]: fields for fields in notes(path)}
    assert found.keys() == deck.cards.keys()
    _, _, _, question, answer, about, tags = found["tea.why_warm_the_pot"]
    assert "Why is the pot warmed" in question
    assert r"\(Q = c\,m\,\Delta T\)" in answer
    assert "A weak answer" in answer
    assert "C1" in about
    assert {"tea", "concept", "level-1", "heat"} <= set(tags)
    assert "<ol>" in found["tea.water"][3]
    assert "norms" in found["tea.columns"][3]  # the program that is wrong belongs to the question
    assert "[[" not in found["tea.leaves"][3] + found["tea.leaves"][4]


def test_a_second_export_updates_the_first(deck, tmp_path, notes):
    path = tmp_path / "tea.apkg"
    export_anki(deck, path)
    first = [fields[:3] for fields in notes(path)]
    export_anki(deck, path)
    assert [fields[:3] for fields in notes(path)] == first
    assert len({guid for guid, *_ in first}) == len(first)
    assert not list(tmp_path.glob(".tea*"))


def test_only_some_topics(deck, tmp_path):
    assert export_anki(deck, tmp_path / "a.apkg", ["tea"]) == len(deck.cards)
    with pytest.raises(KeyError, match="coffee"):
        export_anki(deck, tmp_path / "b.apkg", ["coffee"])
    assert not (tmp_path / "b.apkg").exists()


def test_a_folder_that_is_not_there_leaves_nothing(deck, tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        export_anki(deck, tmp_path / "nowhere" / "a.apkg")
