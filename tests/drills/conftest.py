"""A small deck with one card of each kind, replies that fit, and nobody's records."""

import sys
from pathlib import Path

import pytest
from hypothesis import strategies as st

from drills.deck import load
from drills.steps import (
    AskChoice,
    AskCode,
    AskConfidence,
    AskFormula,
    AskLine,
    AskNumber,
    AskRating,
    AskText,
    Show,
    Tick,
)

CARDS = Path(__file__).parent / "cards"
sys.path.insert(0, str(Path(__file__).parent))  # for synthetic.py


@pytest.fixture(scope="session")
def deck():
    return load(CARDS)


@pytest.fixture(autouse=True)
def records_of_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DRILLS", str(tmp_path / "drills.sqlite"))


TEXTS = st.sampled_from(["", "some words", "two\nlines", "é − τ", "q"])


def replies(step):
    """A strategy for what `drills.replies.checked` lets through."""
    match step:
        case Show():
            return st.none()
        case AskConfidence():
            return st.none() | st.sampled_from(step.levels)
        case AskText() | AskCode():
            return st.none() | TEXTS
        case AskNumber():
            return st.none() | st.sampled_from(["", "3", "2*8", "1e3", "-0.5", "21", "4"])
        case AskFormula():
            return st.none() | st.sampled_from(
                ["", "exp(-t/tau)", "1 - exp(-t/tau)", "exp(-t*tau)", "t", "2"]
            )
        case AskChoice():
            return st.none() | st.integers(0, len(step.options) - 1)
        case AskLine():
            return st.none() | st.integers(1, len(step.code.splitlines()))
        case Tick():
            return st.lists(st.integers(0, len(step.points) - 1))
        case AskRating():
            return st.none() | st.integers(1, 4)
    raise TypeError(step)


@pytest.fixture(scope="session")
def fitting():
    """The function that gives a strategy for the replies which fit a step."""
    return replies
