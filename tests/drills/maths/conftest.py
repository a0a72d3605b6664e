"""The TeX of the lessons and of the cards, to read and to write."""

import re
from pathlib import Path

import pytest

from drills.deck import load
from drills.filling import with_one
from drills.maths.pieces import pieces
from drills.proving.texts import strings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def lessons():
    """What stands between dollars in the lessons and in the table of notation."""
    found = []
    for path in [ROOT / "docs" / "notation.md", *sorted((ROOT / "solutions").rglob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            lines = text.splitlines()
            text = "\n".join(line[2:] if line.startswith("# ") else "" for line in lines)
        for paragraph in re.split(r"\n\s*\n", text):
            found += [piece.inside for piece in pieces(paragraph) if piece.is_maths]
    assert len(found) > 500
    return found


@pytest.fixture(scope="session")
def sentences():
    """All sentences of all cards."""
    found = [with_one(text) for card in load().cards.values() for _, text in strings(card.model_dump())]
    assert found
    return found
