"""``drills.session()`` in a kernel, and where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import drills
from drills.notebook import Face, opening
from drills.steps import AskConfidence

ROOT = Path(__file__).parents[3]


@pytest.fixture
def kernel(monkeypatch):
    """A shell with a kernel, as far as it is asked for."""
    monkeypatch.setattr(opening, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    yield
    for face in opening._open:
        face.stop()
    opening._open.clear()


def test_without_a_kernel_one_sentence_is_said_and_nothing_begun(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DRILLS", str(tmp_path / "new.sqlite"))
    assert drills.session() is None
    assert "course drill" in capsys.readouterr().out
    assert not (tmp_path / "new.sqlite").exists()


def test_the_call_survives_the_modules_that_it_loads(kernel):
    assert isinstance(drills.session(card="infonce.chance_loss"), Face)
    assert callable(drills.session)
    assert isinstance(drills.session(card="infonce.chance_loss"), Face)


def test_run_again_the_cell_goes_on_where_it_stood(kernel):
    first = drills.session(card="infonce.chance_loss")
    assert isinstance(first.session.step, AskConfidence)
    first.reply(0.5)
    step = first.session.step
    second = drills.session(card="infonce.chance_loss")
    assert second.session.step == step
    assert second.session.begun == first.session.begun
    assert first.asked is None, "two faces of one sitting would write over each other"


def test_another_choice_is_another_sitting(kernel):
    drills.session(card="infonce.chance_loss").reply(0.5)
    other = drills.session(topic="temperature", minutes=5)
    assert other.session.card.topic == "temperature"
    assert isinstance(other.session.step, AskConfidence)
    assert not isinstance(drills.session(card="infonce.chance_loss").session.step, AskConfidence)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"card": "infonce.chance_los"}, "Did you mean 'infonce.chance_loss'?"),
        ({"topic": "infonse"}, "Did you mean 'infonce'?"),
        ({"interview": True, "minutes": 3}, "An interview takes 10 minutes or more"),
        ({"interview": True, "topic": "cooking"}, "There is no topic"),
    ],
)
def test_what_is_not_there_is_one_sentence(kernel, capsys, asked, said):
    assert drills.session(**asked) is None
    out = capsys.readouterr().out
    assert said in out
    assert len(out.splitlines()) == 1


def test_an_interview_is_held_and_resumed(kernel):
    first = drills.session(12, interview=True)
    assert first.session.minutes == 12
    first.reply("my answer")
    again = drills.session(interview=True)
    assert again.session.step == first.session.step
    assert again.session.minutes == 12


def test_importing_drills_stays_light():
    code = "import sys, drills; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"ipywidgets", "IPython", "pydantic", "yaml", "pygments"} & set(run.stdout.split())


def test_the_style_sheet_is_there():
    from drills.notebook.style import style

    assert style().startswith("<style>")
    for look in ("question", "answer", "right", "wrong", "note", "weak"):
        assert f".drill-{look} {{" in style()
