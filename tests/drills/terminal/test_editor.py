"""The learner's own editor."""

import shlex
import sys

import pytest

from drills.terminal import editor


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Let a Python program be the editor."""

    def script(program):
        path = tmp_path / "an editor.py"
        path.write_text(f"import sys, pathlib\npath = pathlib.Path(sys.argv[-1])\n{program}\n")
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(path), "--wait"]))

    return script


def test_it_gets_the_text_and_gives_it_back(script):
    script("path.write_text(path.read_text(encoding='utf-8').upper() + path.suffix, encoding='utf-8')")
    assert editor.edit("τ is é\n", ".md") == "Τ IS É\n.md"


def test_visual_goes_first(script, monkeypatch):
    script("sys.exit(3)")
    monkeypatch.setenv("VISUAL", "true")
    assert editor.edit("as it was", ".py") == "as it was"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("sys.exit(3)", "ended with status 3"),
        ("path.unlink()", "could not be used"),
        ("path.write_bytes(bytes([255]))", "could not be used"),
    ],
)
def test_one_that_fails_is_told(script, program, says):
    script(program)
    with pytest.raises(editor.NoEditor, match=says):
        editor.edit("text", ".py")


def test_where_there_is_none(monkeypatch):
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.setenv("EDITOR", "")
    monkeypatch.setenv("PATH", "")
    assert editor.command() is None
    with pytest.raises(editor.NoEditor, match="set EDITOR to yours"):
        editor.edit("text", ".py")
