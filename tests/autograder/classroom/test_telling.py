"""What a run prints: lines without a terminal, a bar with one, and nothing that a student's name could do."""

from __future__ import annotations

import io

from rich.console import Console

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome, Problem
from autograder.classroom.summary import SHOWN, Summary
from autograder.classroom.telling import Teller


def cell(name, *, kind="code", solution=False):
    return CellSpec(
        grade_id=name,
        cell_type=kind,
        source="",
        checksum="",
        locked=True,
        grade=True,
        solution=solution,
        points=3,
    )


ASSIGNMENT = Assignment(
    name="ps1",
    notebooks=(NotebookSpec(name="one", cells=(cell("f"), cell("words", kind="markdown", solution=True))),),
)


def outcome(student="ann", score=2.5, status="graded", problems=(), own=False):
    grades = [CellGrade(grade_id="f", points=3, score=score, self_reported=own)]
    notebook = NotebookOutcome(name="one", graded=True, grades=grades, cpu_seconds=2.0, judging_seconds=1.0)
    return Outcome(
        student=student,
        assignment="ps1",
        status=status,
        notebooks=[notebook],
        problems=list(problems),
        wall_seconds=1.25,
    )


def told(one, **options):
    out = io.StringIO()
    console = Console(file=out, width=200, highlight=False, markup=False, emoji=False, **options)
    with Teller(2, ASSIGNMENT, console) as teller:
        teller.finished(one)
    return out.getvalue()


def test_a_line_names_student_score_status_and_seconds():
    assert told(outcome()).split() == ["ann", "2.5", "of", "3", "graded", "1.2", "s"]


def test_a_submission_without_a_score_shows_none_and_why():
    problem = Problem(kind="unreadable", text="It is no JSON.", notebook="one")
    line = told(outcome(status="could not be graded", problems=[problem]))
    assert "no score  could not be graded: one: It is no JSON." in line
    assert "2.5" not in line


def test_a_terminal_shows_a_bar_with_the_time_left():
    shown = told(outcome(), force_terminal=True, legacy_windows=False)
    assert "1/2" in shown
    assert "time left" in shown


def test_names_and_messages_cannot_move_the_cursor_or_make_markup():
    line = told(outcome(student="\x1b[2J[red]evil[/red]:smile:\n\r"))
    assert "\x1b" not in line
    assert line.count("\n") == 1
    assert "[red]evil[/red]:smile:" in line


def test_the_summary_counts_groups_and_says_what_is_next():
    summary = Summary("ps1", skipped=3, layers=("isolation: all",), seconds=6.0)
    for i in range(SHOWN + 2):
        problem = Problem(kind="timed_out", text="It ran out of time.", notebook="one", cell="f")
        summary.add(outcome(f"s{i:02}", status="graded with problems", problems=[problem, problem]))
    summary.add(outcome("bad", status="could not be graded"))
    summary.add(outcome("own", own=True))
    summary.waiting = {"ann": 2, "bob": 1}
    summary.changed.update({"a": 1, "b": 2, "c": 1})
    text = "\n".join(summary.lines())
    assert "ps1: 1 could not be graded, 1 graded, 14 graded with problems, 3 left as they were" in text
    assert "48.0 s of CPU time" in text
    assert f"ran out of time ({SHOWN + 2}):" in text
    assert "s00: one/f: It ran out of time. (and 1 more)" in text
    assert "… and 2 more" in text
    assert "Self-reported: 1 cells of 1 submissions" in text
    assert "3 answers of 2 students wait for a person" in text
    assert "3 exercises changed since: `course grade ps1 --dry-run` lists whose score would change." in text
    assert "has no new score; the same command tries it again" in text
    assert "course report ps1" in text
    assert summary.exit_status == 1


def test_after_ctrl_c_it_says_how_to_go_on():
    summary = Summary("ps1", interrupted=True, left=7)
    assert summary.exit_status == 130
    assert "Ended at your wish, 7 still to do: `course grade ps1` goes on from here." in "\n".join(
        summary.lines()
    )
