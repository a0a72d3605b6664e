"""``course drill`` in processes of its own: over a pipe, in a real terminal, killed, and taken up again."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drills import sittings
from drills.records import Records

ROOT = Path(__file__).parents[3]
CARDS = ROOT / "tests" / "drills" / "cards"
TRANSCRIPT = Path(__file__).with_name("transcript.txt")
DRIVER = """
import pathlib, secrets, sys
from drills import deck
deck.FOLDER = pathlib.Path(sys.argv.pop(1))
secrets.randbits = lambda bits: 5  # the same numbers and the same order of options each time
from course.cli import main
main()
"""
LOADED = DRIVER.replace("main()", "") + (
    "\ntry: main()\nexcept SystemExit: pass\n"
    "heavy = {'torch', 'numpy', 'matplotlib', 'nbformat', 'nbgrader', 'IPython', 'prompt_toolkit'}\n"
    "print('loaded:', sorted(heavy & set(sys.modules)))"
)
POT = ("--card", "tea.why_warm_the_pot")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DRILLS", str(tmp_path / "drills.sqlite"))
    for name in ("NO_COLOR", "COLUMNS", "LINES", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    return os.environ | {"PYTHONUTF8": "1", "TERM": "xterm"}


@pytest.fixture
def piped(environment):
    """Run ``course drill ...`` with lines on a pipe; return its status and what it printed."""

    def piped(*arguments, lines=(), driver=DRIVER, **extra):
        done = subprocess.run(
            [sys.executable, "-c", driver, str(CARDS), "drill", *arguments],
            input="".join(f"{line}\n" for line in lines),
            cwd=ROOT,
            env=environment | extra,
            capture_output=True,
            text=True,
            encoding=extra.get("PYTHONIOENCODING", "utf-8"),
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    return piped


def test_over_a_pipe_it_reads_like_a_conversation(piped):
    code, out, err = piped(*POT, lines=["4", "Heat.", "", "x", "none", ""])
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "> Heat.\n" in out
    assert "Again: this must not be missing: A cold pot takes heat from the water" in out
    assert "Tomorrow: 1 card again, about " in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_first_card_needs_nothing_heavy(piped):
    lines = ["4", "x", "", "4", "x", "", "", "x", ""]
    code, out, err = piped("--topic", "tea", "--minutes", "6", lines=lines, driver=LOADED)
    assert (code, err) == (0, "")
    assert "card 1 of" in out
    assert out.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--card", "tea.leafs"), "There is no card 'tea.leafs'. Did you mean 'tea.leaves'?\n"),
        (("--topic", "te"), "There is no topic 'te'. Did you mean 'tea'?\n"),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence(piped, arguments, says):
    assert piped(*arguments) == (1, "", says)


def test_a_deck_that_cannot_be_used_is_told(piped, tmp_path):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "tea.yaml").write_text("topic: ]")
    driver = DRIVER.replace("pathlib.Path(sys.argv.pop(1))", f"pathlib.Path({str(tmp_path / 'cards')!r})")
    code, out, err = piped(lines=[], driver=driver.replace("deck.FOLDER", "sys.argv.pop(1); deck.FOLDER"))
    assert (code, out) == (1, "")
    assert err.startswith("tea.yaml, line 1: is not YAML")


def test_what_is_left_is_counted_in_the_minutes_that_the_learner_needs(piped):
    assert "1 card, about 4 minutes." in piped(*POT, lines=["4", "x", ""])[1]
    assert "1 card, about 1 minute." in piped(*POT, lines=["q"])[1]  # it took no time


def test_without_new_cards_nothing_is_due(piped):
    assert piped("--new", "0") == (0, "Nothing to do. Tomorrow: no card again.\n", "")
    code, out, _ = piped("--new", "2", lines=["k", "k"])
    assert code == 0
    assert "card 2 of 2" in out


def test_where_nothing_can_be_kept_it_says_so_and_goes_on(piped):
    code, out, err = piped(*POT, lines=["4", "x", "q"], COURSE_DRILLS=f"{os.devnull}/drills.sqlite")
    assert (code, err) == (0, "")
    assert "Your drills file cannot be saved" in out
    assert "In half a minute" in out
    assert "Stopped. This session could not be kept." in out


def test_where_nothing_is_kept_it_works_too(piped):
    code, out, err = piped(*POT, lines=["4", "x", ""], COURSE_DRILLS="off")
    assert (code, err) == (0, "")
    assert "How it went" in out


def test_an_old_code_page_without_colour(piped):
    code, out, err = piped(*POT, lines=["4", "x", ""], PYTHONIOENCODING="cp1252", NO_COLOR="1", TERM="dumb")
    assert (code, err) == (0, "")
    assert r"$Q = c\,m\,\Delta T$" in out


@pytest.mark.slow
def test_a_program_is_judged_by_the_course_itself(piped, deck):
    card = deck.cards["tea.columns"]
    wrong, right = card.code.replace("norms", "lengths"), card.fix
    lines = ["4", "2", "The batch.", "", *wrong.splitlines(), ".", *right.splitlines(), ".", "all", ""]
    code, out, err = piped("--card", "tea.columns", lines=lines)
    assert (code, err) == (0, "")
    assert "LOOKS LIKE   normalised over the batch axis." in out
    assert "Tries left: 2." in out
    assert out.index("Not yet") < out.index("Passed") < out.index("What you wrote:")
    assert "Good: 88 % of the points" in out
    assert max(map(len, out.splitlines())) <= 80


class Terminal:
    """A pseudo-terminal of 80 columns."""

    def __init__(self, environment, *arguments):
        pexpect = pytest.importorskip("pexpect", reason="Windows has no pseudo-terminals for it")
        self.process = pexpect.spawn(
            sys.executable,
            ["-c", DRIVER, str(CARDS), "drill", *arguments],
            cwd=str(ROOT),
            env=environment,
            dimensions=(50, 80),
            encoding="utf-8",
            timeout=60,
        )
        self.shown = ""

    def until(self, text):
        self.process.expect_exact(text)
        self.shown += self.process.before + self.process.after

    def type(self, line, prompt="> "):
        self.until(f"\n{prompt}")
        self.process.sendline(line)

    def end(self):
        import pexpect

        self.process.expect(pexpect.EOF)
        self.shown += self.process.before
        self.process.close()
        return self.shown


def plain(shown):
    """Without colours, and with the times of this run replaced."""
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "")
    shown = re.sub(r"\b\d+:\d\d\b(?! of)", "M:SS", re.sub(r"\b\d+:\d\d of", "M:SS of", shown))
    shown = re.sub(r"the cards of .*", "the cards of DAY, TIME.", shown)
    return "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"


def test_a_session_in_a_terminal_is_as_recorded(environment):
    first = Terminal(environment, *POT)
    first.type("?")
    first.type("4")
    first.type("The pot takes heat")
    first.type("from the water.", "| ")
    first.type("", "| ")
    first.until("\n> ")
    first.process.sendintr()
    shown = first.end()
    second = Terminal(environment)
    second.type("s")
    second.type("")
    second.type("1 2")
    second.type("")
    shown += second.end()
    third = Terminal(environment, "--card", "tea.leaves")
    third.type("90")
    third.type("3 * ")
    third.type("3 + 9")
    third.type("")
    shown = plain(shown + third.end())
    assert all(len(line) <= 80 for line in shown.splitlines())
    if os.environ.get("RECORD"):
        TRANSCRIPT.write_text(shown, encoding="utf-8")
    assert shown == TRANSCRIPT.read_text(encoding="utf-8")


def test_colours_are_left_out_where_they_are_not_wanted(environment):
    coloured = Terminal(environment, *POT)
    coloured.type("q")
    assert "\x1b[36m" in coloured.end()
    without = Terminal(environment | {"NO_COLOR": "1"})
    without.type("q")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", without.end())


def test_killed_in_the_middle_of_a_sentence_it_goes_on_there(environment, tmp_path):
    killed = Terminal(environment, *POT)
    killed.type("4")
    killed.type("The pot takes heat")
    killed.until("\n| ")  # the line is kept by now
    killed.process.kill(signal.SIGKILL)
    killed.process.wait()

    again = Terminal(environment)
    again.type("")  # hands in what was typed
    again.type("x")
    again.type("1")
    again.type("")
    shown = plain(again.end())
    assert "You had begun, and can go on; an empty line hands it in:\nThe pot takes heat\n" in shown
    (review,) = Records(tmp_path / "drills.sqlite").reviews()
    assert (review.confidence, review.said) == (0.7, ("The pot takes heat", ""))
    assert sittings.pick_up(Records(tmp_path / "drills.sqlite"), "drill") is None


def test_a_second_terminal_gets_cards_of_its_own(environment):
    first = Terminal(environment, *POT)
    first.type("4")
    first.until("about two minutes")
    second = Terminal(environment, "--minutes", "1")
    second.until("card 1 of 1")
    second.type("q")
    assert "Going on" not in second.end()
    first.type("q")
    first.end()
