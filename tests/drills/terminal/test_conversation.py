"""Each kind of card at the terminal, and everything that can be typed instead of an answer."""

import sys

import pytest

from drills import judging, numeric
from drills.judging import Judged
from drills.steps import AskText, Rating

KEEP = ""  # Enter at the rating


def test_a_concept(held):
    talk = held("why_warm_the_pot")
    shown = talk.type("4", "It takes", "heat.", "", "In the kettle!", "", "1 2", KEEP)
    assert talk.done
    (outcome,) = talk.outcomes
    assert (outcome.confidence, outcome.said) == (0.7, ("It takes\nheat.", "In the kettle!"))
    assert (outcome.credit, outcome.rating) == (0.75, Rating.GOOD)
    assert "card 1 of 1 · about 4 min left · tea · concept" in shown
    assert "Q = c m ΔT" in shown
    assert "Time: 0:00 of 2:00" in shown
    assert "A cold pot takes heat from the water (a must)" in shown


def test_nothing_typed_is_not_nothing_ticked(held):
    shown = held("why_warm_the_pot").type("4", "Heat.", "", "x", "", "1", KEEP)
    assert "Type numbers from 1 to 3 (such as 1 2), all, or none." in shown


def test_tex_is_left_where_it_is_asked_for(held):
    assert r"$Q = c\,m\,\Delta T$" in held("why_warm_the_pot").type("", "x", KEEP, tex=True)


def test_an_answer_that_is_said(held):
    talk = held("why_warm_the_pot")
    shown = talk.type("5", "s", "", "s", "", "all", "4")
    assert "Speak; Enter when you are done." in shown
    assert talk.outcomes[0].said == ("", "")
    assert talk.outcomes[0].rating == Rating.EASY


def test_a_number(held, deck):
    answer = numeric.pose(deck.cards["tea.leaves"], 5).answer
    talk = held("leaves")
    shown = talk.type("5", "", "q+", "three", f"{answer} g", "hard")
    assert "Your number (in g)" in shown
    assert "Type an answer, or x if you do not know." in shown
    assert shown.count("Your number (in g)") == 1  # what is no number costs nothing, and is not asked anew
    assert "Nothing here is called three: a number in g is asked for." in shown
    assert (talk.outcomes[0].computed, talk.outcomes[0].rating) == (Rating.EASY, Rating.HARD)


def test_a_choice(held):
    talk = held("water")
    shown = talk.type("70 %", "d", "b", KEEP)
    assert "Type a letter from a to c." in shown
    assert shown.index("a) ") < shown.index("b) ") < shown.index("c) ")
    assert len(talk.outcomes[0].said[0]) > 3


def test_a_card_can_be_left_out(held):
    talk = held("steeping", "water")
    shown = talk.type("3", "in words", "", "k", "", "skip")
    assert talk.done
    assert talk.outcomes == []
    assert shown.count("Left out: it stays due.") == 2


def test_the_names_of_a_formula_are_no_commands(held):
    talk = held("kettle")
    talk.type("3", "in words", "", "k", "s", "none", KEEP)
    assert talk.outcomes[0].said == ("in words", "k", "s")
    talk = held("kettle")
    talk.type("3", "in words", "", ":k")
    assert talk.outcomes == []


def test_a_derivation(held):
    talk = held("steeping")
    shown = talk.type("3", "in words", "", "t", "e^(-t/τ)", "1-exp(-t/tau)", "1", KEEP)
    assert "time constant" in shown
    assert talk.outcomes[0].credit == pytest.approx(2.5 / 3)


def test_a_scenario(held):
    talk = held("party")
    talk.type("4", "4", "x", "An urn.", "", "Heat it.", "", "all", KEEP)
    assert talk.outcomes[0].credit == 0.75


@pytest.fixture
def judge(monkeypatch):
    seen = []

    def judge(exercise, program):
        seen.append(program)
        return Judged("clamp_min" in program, 0.0, "a verdict")

    monkeypatch.setattr(judging, "judge", judge)
    return seen


PROGRAM = ("def l2_normalize(x, eps):", "", "    return x.clamp_min(eps)")


def test_a_program_may_have_empty_lines_and_ends_with_a_full_stop(held, judge):
    talk = held("normalize")
    shown = talk.type("4", *PROGRAM, ".", KEEP)
    assert judge == ["\n".join(PROGRAM) + "\n"]
    assert talk.outcomes[0].rating == Rating.EASY
    assert "Running the checks" in shown


def test_what_is_no_python_costs_no_try_and_is_kept(held, judge):
    talk = held("normalize")
    shown = talk.type("4", "def broken(:", ".", "", ":q")
    assert shown.count("Line 1 is not Python: invalid syntax. This costs no try: e opens it again.") == 2
    assert judge == []
    assert talk.session.draft == "def broken(:"
    talk.again().type(*PROGRAM, ".", KEEP)
    assert talk.outcomes[0].rating == Rating.EASY


def test_a_program_written_in_the_editor(held, judge, tmp_path, monkeypatch):
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\n"
        "p.write_text(p.read_text().replace('raise NotImplementedError', 'return x.clamp_min(eps)'))\n"
    )
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.setenv("EDITOR", f'"{sys.executable}" "{script}"')
    talk = held("normalize")
    talk.type("4", "", "e", KEEP)
    assert judge == ["def l2_normalize(x, eps):\n    return x.clamp_min(eps)\n"]
    assert talk.done


def test_an_editor_that_does_not_work_costs_nothing(held, judge, monkeypatch):
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    talk = held("normalize", "why_warm_the_pot")
    shown = talk.type("4", "e", *PROGRAM, ".", KEEP, "3", "e", "words", "", "x", "none", KEEP)
    assert "/nowhere/editor could not be used" in shown
    assert talk.done


def test_in_the_middle_of_a_text_a_command_has_a_colon(held, judge, tmp_path, monkeypatch):
    script = tmp_path / "editor.py"
    script.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).open('a').write('\\nmore')\n")
    monkeypatch.setenv("VISUAL", f'"{sys.executable}" "{script}"')
    talk = held("why_warm_the_pot", "normalize")
    shown = talk.type("4", "q", to_the_end=False)
    assert not talk.done
    talk.again()
    shown = talk.type(
        "It takes", "q", ":-)", ":?", ":e", "No", ":x", "none", KEEP, "4", "def f():", "e", ":k"
    )
    assert "says the answer aloud" in shown
    assert talk.done
    (outcome,) = talk.outcomes
    assert outcome.said == ("It takes\nq\n:-)\nmore", "")
    assert judge == []


def test_an_editor_that_fails_hands_nothing_in(held, monkeypatch):
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    talk = held("why_warm_the_pot")
    talk.type("4", "It takes", ":e", ":q")
    assert not talk.done
    assert talk.session.draft == "It takes"


def test_a_bug(held, judge, deck):
    talk = held("columns")
    shown = talk.type(
        "4", "9", "2", "The batch.", "", *deck.cards["tea.columns"].fix.splitlines(), ".", "all", KEEP
    )
    assert "Type the number of a line, from 1 to 3." in shown
    assert talk.outcomes[0].credit == 1


def test_help_names_what_can_be_typed_here(held):
    shown = held("leaves", "why_warm_the_pot").type("?", "", "help", "x", KEEP, "", "?", "q")
    first, *_, last = shown.split("With a colon in front")[:-1]
    assert "quit" in first
    assert "say it aloud" not in first
    assert "opens your editor" in last


@pytest.mark.parametrize("stop", ["q", ":q", "quit", KeyboardInterrupt(), EOFError()])
def test_who_stops_goes_on_at_the_same_step(held, stop):
    talk = held("why_warm_the_pot", "leaves")
    shown = talk.type("4", "It takes", "heat.", "", stop)
    assert not talk.done
    assert shown.rstrip().endswith("Kept: `course drill` goes on at this step.")
    shown = talk.again().type("In the kettle!", "", "all", KEEP, "q")
    assert "How sure are you that your answer will be right? You said: 70 %" in shown
    assert "It takes\nheat." in shown
    assert "card 2 of 2" in shown
    assert talk.outcomes[0].said == ("It takes\nheat.", "In the kettle!")


def test_what_was_typed_before_an_interrupt_is_there_again(held):
    talk = held("why_warm_the_pot")
    talk.type("4", "It takes", "heat", KeyboardInterrupt())
    shown = talk.again().type("")
    assert isinstance(talk.session.step, AskText)
    assert "You had begun, and can go on; an empty line hands it in:\nIt takes\nheat" in shown
    assert talk.session.seen[-1].reply == "It takes\nheat"


def test_a_program_begun_is_there_again(held, judge):
    talk = held("normalize")
    talk.type("4", *PROGRAM, KeyboardInterrupt())
    assert "Enter: hand in what stands above" in talk.again().type("", KEEP)
    assert judge == ["\n".join(PROGRAM)]


def test_what_does_not_fit_on_the_screen_waits_to_be_read(held, monkeypatch):
    monkeypatch.setenv("LINES", "12")
    monkeypatch.setenv("TERM", "xterm")
    talk = held("why_warm_the_pot")
    shown = talk.type("4", "x", "", "", KEEP, interactive=True)
    assert talk.done
    pages = shown.split("Enter shows the rest.")
    assert len(pages) == 3
    assert "In half a minute" in pages[0]
    assert "A weak answer" in pages[-1]
    assert all(page.count("\n") < 12 for page in pages[1:-1])


def test_who_stops_while_reading_finds_it_again(held, monkeypatch):
    monkeypatch.setenv("LINES", "12")
    talk = held("why_warm_the_pot")
    talk.type("4", "x", "q", interactive=True)
    assert not talk.done
    shown = talk.again().type(KEEP)
    assert "In half a minute" in shown
    assert "A weak answer" in shown


def test_over_a_pipe_nothing_waits(held, monkeypatch):
    monkeypatch.setenv("LINES", "12")
    assert "Enter shows" not in held("why_warm_the_pot").type("4", "x", KEEP)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
def test_an_old_code_page_gets_tex_and_no_traceback(held, encoding):
    talk = held("why_warm_the_pot", "water", "columns")
    shown = talk.type("", "x", KEEP, "", "x", KEEP, "", "x", "x", "x", KEEP, encoding=encoding)
    assert talk.done
    assert r"$Q = c\,m\,\Delta T$" in shown
    if encoding == "ascii":
        assert "About 75" in shown


def test_no_line_is_wider_than_the_terminal(held, monkeypatch, judge):
    monkeypatch.setenv("COLUMNS", "50")
    shown = held("why_warm_the_pot", "party", "columns").type(
        "", "x", KEEP, "", "x", "x", "x", KEEP, "", "x", "x", "x", KEEP
    )
    assert max(map(len, shown.splitlines())) <= 50
