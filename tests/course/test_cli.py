"""The command, run as people run it: in a process of its own."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import course
from autograder.exercises import registry
from autograder.progress import notices, records
from course import cells, verbs
from course.cli import app

INDEX = {
    "lessons": [
        {
            "lesson": "01_tea",
            "title": "Tea",
            "exercises": [
                {
                    "id": "tea.brew",
                    "kind": "checked",
                    "title": "Hot water",
                    "notebook": "01_tea/tea.ipynb",
                    "minutes": 12,
                    "points": 3.0,
                    "stretch": False,
                    "skills": [],
                    "hints": ["The idea.", "A plan.", "Almost the code."],
                    "misconceptions": {},
                }
            ],
        }
    ]
}
SOURCE = '# %% solution="tea.brew"\ndef brew(): return "tea"\n'
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
DRIVER = """
import pathlib, sys
from autograder.exercises import registry
registry.INDEX = pathlib.Path(sys.argv.pop(1))
from course.cli import main
main()
"""


@pytest.fixture(autouse=True)
def clone(tmp_path, monkeypatch):
    """A course of one lesson with one exercise, and no progress yet."""
    root = tmp_path / "clone"
    (root / "solutions" / "01_tea").mkdir(parents=True)
    (root / "notebooks" / "01_tea").mkdir(parents=True)
    (root / "index.json").write_text(json.dumps(INDEX))
    (root / "solutions" / "01_tea" / "tea.py").write_text(
        '# %% solution="tea.brew"\ndef brew(): return "tea"\n'
    )
    (root / "notebooks" / "01_tea" / "tea.ipynb").write_text(json.dumps(NOTEBOOK))
    monkeypatch.setenv("COURSE_ROOT", str(root))
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.sqlite"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return root


def python(code, *args, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env=os.environ | {"PYTHONUTF8": "1"} | options.pop("env", {}),
        **options,
    )


@pytest.fixture
def run(clone):
    """Run ``course ...``; return its exit status, stdout and stderr."""

    def run(*args, **env):
        done = python(DRIVER, str(clone / "index.json"), *args, env=env)
        return done.returncode, done.stdout, done.stderr

    return run


def test_help_names_every_verb(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for verb in (
        "lab",
        "status",
        "next",
        "hint",
        "solution",
        "drill",
        "reset",
        "update",
        "fetch",
        "build",
        "lint",
    ):
        assert f"  {verb} " in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_without_a_verb_it_shows_the_help(run):
    assert "Usage: course" in "".join(run()[1:])


def test_python_dash_m_runs_it_too():
    done = subprocess.run(
        [sys.executable, "-m", "course", "--help"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert "Usage: course" in done.stdout


@pytest.mark.parametrize("args", [["--help"], ["status"], ["next"], ["hint", "tea.brew"]])
def test_it_starts_without_loading_what_it_does_not_need(args, clone):
    code = DRIVER.replace("main()", "") + (
        "\ntry: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'jupytext', 'nbformat', 'nbgrader', 'matplotlib', 'IPython'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))"
    )
    done = python(code, str(clone / "index.json"), *args)
    assert done.stderr == ""
    assert done.stdout.endswith("loaded: []\n")


def test_help_does_not_even_load_numpy():
    done = python("import sys, course.cli; print(sorted({'numpy', 'autograder', 'rich'} & set(sys.modules)))")
    assert done.stdout == "[]\n"


def test_status(run):
    code, out, err = run("status", FORCE_COLOR="", COLUMNS="200")
    assert (code, err) == (0, "")
    assert [line.rstrip() for line in out.splitlines()] == [
        "lesson  solved  points  min left  stretch  last mistake met",
        "01_tea     0/1     0/3        12",
    ]


def test_next(run):
    code, out, err = run("next")
    assert (code, err) == (0, "")
    assert (
        out == "tea.brew · Hot water · about 12 minutes\n  Lesson 01_tea, Tea. Open work/01_tea/tea.ipynb\n"
    )


def test_hints_and_then_the_solution(run):
    assert run("hint", "tea.brew") == (0, "tea.brew · hint 1 of 3\n  The idea.\n", "")
    assert run("hint", "tea.brew")[1].startswith("tea.brew · hint 2 of 3\n")
    assert run("hint", "tea.brew", "--level", "1")[1].startswith("tea.brew · hint 1 of 3\n")
    assert run("solution", "tea.brew") == (
        0,
        "tea.brew has 1 hint that you have not seen: `course hint tea.brew` shows the next one.\n"
        "  To see the answer all the same, add `--anyway`.\n",
        "",
    )
    shown = (0, 'tea.brew · a worked answer\n\ndef brew(): return "tea"\n', "")
    assert run("solution", "tea.brew", "--anyway") == shown
    run("hint", "tea.brew")
    assert run("solution", "tea.brew") == shown


@pytest.mark.parametrize("verb", ["hint", "solution"])
def test_an_unknown_exercise_is_one_sentence_on_stderr(verb, run):
    assert run(verb, "tea.brw") == (1, "", "There is no exercise 'tea.brw'. Did you mean 'tea.brew'?\n")


def test_reset_and_update(run, clone):
    assert run("update") == (0, "01_tea/tea.ipynb: new\n", "")
    assert run("update") == (0, "Nothing to do: your lessons are those of the present release.\n", "")
    assert run("reset", "tea") == (0, "Nothing to do: your copy of tea is as it was released.\n", "")
    copy = clone / "work" / "01_tea" / "tea.ipynb"
    copy.write_text("mine")
    code, out, err = run("reset", "01")
    assert (code, err) == (0, "")
    assert out.startswith("01_tea/tea.ipynb: a fresh copy (before: .backup/01_tea/")
    assert [path.read_text() for path in (clone / "work" / ".backup").rglob("*.ipynb")] == ["mine"]
    assert run("reset", "milk") == (1, "", "There is no lesson 'milk'. The lessons: 01_tea.\n")


def test_what_a_person_can_put_right_is_one_sentence(run, tmp_path):
    code, out, err = run("update", COURSE_ROOT=str(tmp_path / "nowhere"))
    assert (code, out) == (1, "")
    assert err.startswith("COURSE_ROOT should name the clone of the course")
    assert err.count("\n") == 1


HERE = {"port": None, "ip": "127.0.0.1", "browser": None, "options": []}


@pytest.mark.parametrize(
    ("args", "called", "lesson", "options"),
    [
        ([], "lab", (None,), {}),
        (["01", "--port", "9000", "--no-browser"], "lab", ("01",), {"port": 9000, "browser": False}),
        (["01", "--", "--debug", "--a=b"], "lab", ("01",), {"options": ["--debug", "--a=b"]}),
        (["--", "--debug", "--a=b"], "lab", (None,), {"options": ["--debug", "--a=b"]}),
        (["--classroom", "--ip", "::1"], "classroom", (), {"ip": "::1"}),
    ],
)
def test_lab_hands_its_options_on(args, called, lesson, options, monkeypatch):
    calls = []
    for name in ("lab", "classroom"):
        module = importlib.import_module(f"course.{name}")
        monkeypatch.setattr(module, name, lambda *a, name=name, **o: calls.append((name, a, o)) or 3)
    assert CliRunner().invoke(app, ["lab", *args]).exit_code == 3
    assert calls == [(called, lesson, HERE | options)]


def test_the_classroom_is_not_one_lesson():
    done = CliRunner().invoke(app, ["lab", "01", "--classroom"])
    assert done.exit_code == 2
    assert "--classroom opens the whole course: leave the lesson out." in done.output


def test_a_wrong_option_is_explained_without_a_traceback(run):
    code, out, err = run("hint")
    assert (code, out) == (2, "")
    assert "Missing argument 'ID'" in err


def test_the_interpreters_programs_are_found(clone):
    code = "import os; from course.cli import main\ntry: main()\nexcept SystemExit: print(os.environ['PATH'])"
    done = python(code, "--help", env={"PATH": "elsewhere"})
    first, *rest = done.stdout.splitlines()[-1].split(os.pathsep)
    assert Path(first) == Path(sys.executable).parent
    assert rest == ["elsewhere"]


def test_a_terminal_without_unicode(run):
    code, out, err = run("next", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert out.startswith("tea.brew ? Hot water ? about 12 minutes")


class TestForAuthors:
    """``build`` and ``lint`` hand the clone on, and the exit status back."""

    def test_build(self, monkeypatch, clone):
        from autograder.notebooks import command

        asked = []
        monkeypatch.setattr(command, "build", lambda root, check: asked.append((root, check)) or 1)
        assert verbs.build(check=True) == 1
        assert asked == [(clone, True)]

    def test_lint(self, monkeypatch, clone, capsys):
        from autograder.notebooks import lint

        monkeypatch.setattr(lint, "lint", lambda root: [f"{root.name}: too long"])
        assert verbs.lint() == 1
        assert capsys.readouterr().out == "clone: too long\n"
        monkeypatch.setattr(lint, "lint", lambda root: [])
        assert verbs.lint() == 0
        assert capsys.readouterr().out == "The lesson sources are in order.\n"

    def test_a_source_that_cannot_be_read(self, monkeypatch):
        from autograder.notebooks import lint, source
        from course.errors import CourseError

        def broken(root):
            raise source.SourceError("tea.py: no exercise is called 'tea.milk'")

        monkeypatch.setattr(lint, "lint", broken)
        with pytest.raises(CourseError, match=r"^tea\.py: no exercise is called 'tea\.milk'$"):
            verbs.lint()


class TestInACell:
    """The same verbs as functions: they print, return None and never raise a `CourseError`."""

    @pytest.fixture(autouse=True)
    def _index(self, monkeypatch):
        monkeypatch.setattr(registry, "index", lambda: INDEX)
        monkeypatch.setattr(notices, "_said", set())
        records._unsaved.clear()

    def test_the_module_has_the_verbs(self):
        assert set(course.__all__) == set(cells.__all__)
        assert set(course.__all__) <= set(dir(course))
        for name in course.__all__:
            assert getattr(course, name).__doc__
        with pytest.raises(AttributeError, match="module 'course' has no attribute 'nxt'"):
            course.nxt  # noqa: B018

    def test_importing_it_loads_nothing(self):
        done = python(
            "import sys, course; print([name for name in sys.modules if name.partition('.')[0] in "
            "('course', 'autograder', 'numpy', 'typer', 'rich', 'sqlite3')])"
        )
        assert done.stdout == "['course']\n"

    def test_they_print_and_return_nothing(self, capfd):
        course.update()
        capfd.readouterr()
        calls = [course.status, course.next_up, course.update]
        assert [call() for call in calls] == [None] * 3
        assert course.hint("tea.brew") is None
        assert course.reset("tea") is None
        assert course.solution("tea.brew", anyway=True) is None
        out, err = capfd.readouterr()
        assert err == ""
        for words in ("min left", "about 12 minutes", "hint 1 of 3", "a worked answer", "as it was released"):
            assert words in out

    def test_errors_are_sentences_on_stdout(self, capfd):
        course.hint("tea.brw")
        course.reset("milk")
        assert capfd.readouterr() == (
            "There is no exercise 'tea.brw'. Did you mean 'tea.brew'?\n"
            "There is no lesson 'milk'. The lessons: 01_tea.\n",
            "",
        )
