"""Which replies count."""

import pytest

from drills.replies import LONGEST, ReplyError, checked, in_words
from drills.steps import (
    AskChoice,
    AskCode,
    AskConfidence,
    AskFormula,
    AskLine,
    AskNumber,
    AskRating,
    AskText,
    Rating,
    Show,
    Tick,
)

CHOICE = AskChoice("?", options=("a", "b", "c"))
FORMULA = AskFormula("?", names={"N": "pairs", "tau": ""})
TICK = Tick("?", points=("x", "y", "z"))


@pytest.mark.parametrize(
    ("step", "reply", "counts_as"),
    [
        (Show("!"), None, None),
        (AskConfidence("?"), 0.7, 0.7),
        (AskConfidence("?"), None, None),
        (AskText("?"), "é\nü", "é\nü"),
        (AskText("?"), None, None),
        (AskCode("?"), "not Python (", "not Python ("),
        (AskNumber("?"), " 2^8 ", "2^8"),
        (AskNumber("?", unit="GB"), "1,024 GB", "1,024 GB"),
        (AskNumber("?"), " ", ""),
        (FORMULA, "log(N)/τ", "log(N)/τ"),
        (CHOICE, 2, 2),
        (AskLine("?", code="a\nb\n"), 2, 2),
        (TICK, [2, 0, 2], [0, 2]),
        (AskRating("?", computed=Rating.HARD), None, 2),
        (AskRating("?"), Rating.EASY, 4),
    ],
)
def test_what_fits(step, reply, counts_as):
    assert checked(step, reply) == counts_as


@pytest.mark.parametrize(
    ("step", "reply", "says"),
    [
        (Show("!"), "x", "Nothing is asked here"),
        (AskConfidence("?"), 0.75, "Choose one of 10 %"),
        (AskConfidence("?"), "0.7", "Choose one of 10 %"),
        (AskText("?"), 3, "answered by typing"),
        (AskText("?"), "x" * (LONGEST + 1), "20,001 characters; at most 20,000 fit"),
        (AskNumber("?"), "2 +", "character"),
        (AskNumber("?"), "N", "N"),
        (AskNumber("?"), "1/0", ""),
        (AskNumber("?"), "__import__('os')", ""),
        (FORMULA, "D / tau", "Nothing here is called D: the names are N, tau."),
        (FORMULA, "log(", "character"),
        (CHOICE, 3, "from 0 to 2"),
        (CHOICE, True, "from 0 to 2"),
        (CHOICE, "b", "from 0 to 2"),
        (AskLine("?", code="a\nb\n"), 3, "from 1 to 2"),
        (TICK, [3], "from 0 to 2"),
        (TICK, None, "as a list"),
        (AskRating("?"), 5, "from 1 to 4"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(step, reply, says):
    with pytest.raises(ReplyError) as raised:
        checked(step, reply)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("step", "reply", "said"),
    [
        (AskConfidence("?"), 0.7, "70 %"),
        (AskConfidence("?"), None, "I do not know"),
        (AskText("?"), "", "said aloud"),
        (AskText("?"), "some words", "some words"),
        (AskText("?"), None, "I do not know"),
        (AskChoice("?", ("a $x$", "b")), 0, "a $x$"),
        (AskChoice("?", ("a", "b")), None, "I do not know"),
        (AskLine("?", "x\ny"), 2, "line 2"),
        (AskNumber("?"), "3", "3"),
        (AskNumber("?"), "", "I do not know"),
        (Tick("?", ("p", "q", "r")), [0, 2], "1, 3"),
        (Tick("?", ("p",)), [], "none"),
        (AskRating("?"), 3, "Good"),
    ],
)
def test_a_reply_in_words(step, reply, said):
    assert in_words(step, reply) == said
