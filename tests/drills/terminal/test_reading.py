"""What was typed on a line, read as a reply."""

import pytest

from drills.replies import ReplyError
from drills.terminal import commands, reading
from drills.terminal.commands import Command

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


@pytest.mark.parametrize(
    ("typed", "level"), [("1", 0.1), (" 5 ", 0.9), ("70", 0.7), ("70 %", 0.7), ("", None)]
)
def test_a_confidence(typed, level):
    assert reading.confidence(typed, LEVELS) == level


@pytest.mark.parametrize("typed", ["6", "0", "60", "0.7.", "-", "nan", "inf", "1e999", "sure"])
def test_no_confidence(typed):
    with pytest.raises(ReplyError, match="from 1 to 5"):
        reading.confidence(typed, LEVELS)


@pytest.mark.parametrize(("typed", "place"), [("a", 0), ("C", 2), ("b)", 1), ("3", 2)])
def test_a_choice(typed, place):
    assert reading.choice(typed, 3) == place


@pytest.mark.parametrize("typed", ["d", "0", "4", "ab", "²", "٣", "both"])
def test_no_choice(typed):
    with pytest.raises(ReplyError, match="from a to c"):
        reading.choice(typed, 3)


@pytest.mark.parametrize(
    ("typed", "places"),
    [("1 3", [0, 2]), ("3,1", [0, 2]), ("1, 1", [0]), ("all", [0, 1, 2]), ("none", []), ("0", []), ("-", [])],
)
def test_places(typed, places):
    assert reading.places(typed, 3) == places


@pytest.mark.parametrize("typed", ["4", "1 4", "one", "", ",", "²"])
def test_no_places(typed):
    with pytest.raises(ReplyError, match="from 1 to 3"):
        reading.places(typed, 3)


def test_of_one_point_no_two_numbers_are_asked_for():
    with pytest.raises(ReplyError, match=r"^Type 1, or none\.$"):
        reading.places("2", 1)


@pytest.mark.parametrize(("typed", "line"), [("2", 2), (" 1 ", 1)])
def test_a_line(typed, line):
    assert reading.line(typed, 2) == line


@pytest.mark.parametrize("typed", ["0", "3", "x", "²"])
def test_no_line(typed):
    with pytest.raises(ReplyError, match="from 1 to 2"):
        reading.line(typed, 2)


@pytest.mark.parametrize(("typed", "rating"), [("", None), ("1", 1), ("Good", 3), ("easy", 4)])
def test_a_rating(typed, rating):
    assert reading.rating(typed) == rating


@pytest.mark.parametrize("typed", ["5", "0", "fine"])
def test_no_rating(typed):
    with pytest.raises(ReplyError, match="2 for Hard"):
        reading.rating(typed)


@pytest.mark.parametrize(
    ("typed", "taken", "command"),
    [
        ("q", (), Command.QUIT),
        (" Quit ", (), Command.QUIT),
        (":q", (), Command.QUIT),
        ("q", ("q",), None),
        (":q", ("q",), Command.QUIT),
        ("quiet", (), None),
        ("e", (), None),  # not allowed here
        (":", (), None),
        ("", (), None),
    ],
)
def test_a_command(typed, taken, command):
    assert commands.read(typed, (Command.QUIT, Command.HELP), taken) == command


def test_no_two_commands_are_typed_alike():
    typed = [word for one in Command for word in (one.letter, one.word)]
    assert len(set(typed)) == len(typed)
