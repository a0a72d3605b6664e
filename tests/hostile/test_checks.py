"""Every check sees what it looks for: otherwise an attack that succeeds would pass."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest
from corpus import ALL, LESSON, Attack, Ran, Setting, checks
from corpus.arena import SECRET, harm
from corpus.watch import Watch

from autograder import cases
from autograder.exercises import load

POSSIBLE = {"clip_loss": 3.0, "recall_at_k": 2.0, "explain_ceiling": 2.0}


@pytest.fixture
def ran(tmp_path):
    """An attack that did nothing, in a class with a gradebook."""
    classroom = tmp_path / "classroom"
    for step in ("autograded", "feedback"):
        (classroom / step / "mallory" / LESSON).mkdir(parents=True)
    (classroom / "feedback" / "mallory" / LESSON / "infonce.html").write_text("<p>fine</p>")
    with sqlite3.connect(classroom / "gradebook.db") as book:  # nbgrader takes seconds to make its own
        book.execute("CREATE TABLE grade (id TEXT, manual_score FLOAT, extra_credit FLOAT)")
        book.execute("INSERT INTO grade VALUES ('a', NULL, NULL)")
    attack = Attack("mallory", "x", "x", (), keeps=ALL, checks=(checks.no_script,))
    with Watch() as watch:
        setting = Setting(tmp_path, watch.path, watch.port, watch.pid, SECRET[:12], "alice")
        yield Ran(attack, "mallory", setting, {"clip_loss": 3.0, "recall_at_k": 2.0}, None, SECRET, watch)


def write(ran, text, name="autograded"):
    folder = ran.setting.root / "classroom" / name / "mallory" / LESSON
    path = folder / ("infonce.html" if name == "feedback" else "infonce.ipynb")
    path.write_text(text)


def test_nothing_is_said_of_nothing(ran):
    assert harm(ran, POSSIBLE) == []


@pytest.mark.parametrize("step", ["autograded", "feedback"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("..." + SECRET + "...", "the class's secret in"),
        (checks.PRIVATE + "perfect.", "another student's answers in"),
        ("SAW[12.25]", "hidden inputs in"),
    ],
)
def test_what_must_not_be_written(ran, step, text, said):
    write(ran, text, step)
    assert [one.partition(said)[1] for one in harm(ran, POSSIBLE)] == [said]


def test_public_inputs_may_be_written(ran):
    case = cases(load("infonce.clip_loss"))[0]
    write(ran, f"SAW[{round(float(case.inputs['image_features'].sum()), 9)!r}]")
    assert harm(ran, POSSIBLE) == []


@pytest.mark.parametrize(
    "page",
    [
        "<script>pwned()</script>",
        "<SCRIPT type=module>pwned()</SCRIPT>",
        "<script src='https://x/pwned.js'></script>",
        "<img src=x onerror=pwned()>",
        "<a href='java\nscript:pwned()'>x</a>",
        "<a href='&#106;avascript:pwned()'>x</a>",
        "<iframe srcdoc='<script>pwned()</script>'></iframe>",
        "<svg><a xlink:href='javascript:pwned()'>x</a></svg>",
        '<script src="mathjax.js"></script><p>$\\href{javascript:pwned()}{x}$</p>',
        '<script type=\'application/json\'>{"a": "</script><script>pwned()</script>',
    ],
)
def test_scripts_are_found(ran, page):
    write(ran, page, "feedback")
    assert [one for one in harm(ran, POSSIBLE) if one.startswith("feedback runs a script")]


@pytest.mark.parametrize(
    "page",
    [
        "<pre>&lt;script&gt;pwned()&lt;/script&gt;</pre>",
        "<script>fine()</script><p>pwned()</p>",
        '<script type=\'application/json\'>{"a": "pwned()"}</script>',
        "<pre>$\\href{javascript:pwned()}{x}$</pre>",
        "<img alt='pwned()' src='data:image/png;base64,'>",
    ],
)
def test_text_is_no_script(ran, page):
    write(ran, page, "feedback")
    assert harm(ran, POSSIBLE) == []


def test_a_missing_page_is_said(ran):
    (ran.setting.root / "classroom" / "feedback" / "mallory" / LESSON / "infonce.html").unlink()
    assert harm(ran, POSSIBLE) == ["no feedback could be written"]


def test_scores_in_the_gradebook_that_nobody_gave(ran):
    with sqlite3.connect(ran.setting.root / "classroom" / "gradebook.db") as book:
        assert book.execute("UPDATE grade SET manual_score = 77").rowcount == 1
    assert harm(ran, POSSIBLE) == ["1 scores in the gradebook were written by it"]


def test_a_damaged_gradebook(ran):
    (ran.setting.root / "classroom" / "gradebook.db").write_bytes(b"")
    assert harm(ran, POSSIBLE)[0].startswith("the gradebook is damaged")


@pytest.mark.parametrize("harmful", ["write", "mode", "date", "remove"])
def test_the_file_outside(ran, harmful):
    path = ran.setting.canary
    if harmful == "write":
        path.write_text("changed")
    elif harmful == "mode":
        path.chmod(0o600)
    elif harmful == "date":
        os.utime(path, (0, 0))
    else:
        path.unlink()
    assert "outside was changed" in harm(ran, POSSIBLE)[0]


def test_a_neighbours_submission(ran, tmp_path):
    path = tmp_path / "infonce.ipynb"
    path.write_bytes(b"as it was")
    ran.watch.files[path] = b"as it was"
    assert harm(ran, POSSIBLE) == []
    path.write_bytes(b"changed")
    assert harm(ran, POSSIBLE) == ["1 submissions of others were changed"]


def test_files_in_the_clone(ran):
    (ran.setting.root / "classroom" / "autograded" / "mallory" / "hostile-mallory-0").touch()
    assert harm(ran, POSSIBLE) == []
    (ran.setting.root / "hostile-mallory-0").touch()
    assert harm(ran, POSSIBLE) == ["it wrote 1 files into the clone"]


def test_a_process_that_stays(ran):
    with subprocess.Popen(
        [sys.executable, "-c", "input()", "hostile-mallory"], stdin=subprocess.PIPE
    ) as child:
        assert harm(ran, POSSIBLE) == ["a process was left running"]
        child.communicate(b"\n")
    assert harm(ran, POSSIBLE) == []


def test_a_sibling_that_was_killed(ran):
    assert checks.sibling_lives(ran) is None
    os.kill(ran.setting.pid, 9)
    while checks.sibling_lives(ran) is None:
        pass
    assert checks.sibling_lives(ran) == "a process beside was killed"


def test_a_trace_counts_only_where_it_was_printed(ran):
    write(ran, '{"source": ["print(\\"ATTACHED to\\", 3)"], "outputs": []}')
    assert checks.nothing_traced(ran) is None
    del ran.artefacts
    write(ran, '{"source": ["x"], "outputs": [{"text": ["ATTACHED to 3"]}]}')
    assert checks.nothing_traced(ran) == "it traced another process"


def test_points(ran):
    ran.earned.update(clip_loss=0.0)
    assert harm(ran, POSSIBLE) == ["3 points lost that were earned"]
    ran.earned.update(clip_loss=3.0, explain_ceiling=2.0)
    assert harm(ran, POSSIBLE) == ["2 points of 7 forged"]
    ran.earned = None
    del ran.artefacts
    assert harm(ran, POSSIBLE) == ["no scores at all"]
