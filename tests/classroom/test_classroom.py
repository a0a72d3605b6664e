"""``make classroom``: lessons in the gradebook, a clean clone, formgrader on its port."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from course.classroom import classroom, register
from course.errors import CourseError

pytestmark = pytest.mark.nbgrader


def git(room, *arguments):
    name = ["-c", "user.name=An Author", "-c", "user.email=author@example.org"]
    return room.run("git", *name, *arguments)


@pytest.fixture(scope="module")
def committed(clone):
    """A clone whose files are committed."""
    room = clone("committed")
    git(room, "init", "-q")
    git(room, "add", "-A")
    git(room, "commit", "-q", "-m", "a course")
    return room


def test_only_sources_and_releases_are_committed(committed):
    files = git(committed, "ls-files").split()
    assert {file.split("/")[0] for file in files} == {
        ".gitignore",
        "nbgrader_config.py",
        "notebooks",
        "solutions",
    }
    lessons = [file for file in files if file.count("/") == 2]
    assert {file.rpartition(".")[2] for file in lessons if file.startswith("solutions/")} == {"py"}
    assert {file.rpartition(".")[2] for file in files if file.startswith("notebooks/")} == {"ipynb"}


def test_autograde_finds_the_lesson_in_a_fresh_clone(committed, tmp_path):
    git(committed, "clone", "-q", ".", str(tmp_path / "fresh"))
    fresh = type(committed)(tmp_path / "fresh", committed.home)
    assert fresh.lesson in register(fresh.root)
    fresh.submit("somebody", {})
    fresh.nbgrader("autograde", fresh.lesson)
    assert set(fresh.points("somebody").values()) == {0.0}
    assert git(fresh, "status", "--porcelain") == ""


def test_nbgraders_own_generate_writes_the_committed_release(committed):
    committed.nbgrader("generate_assignment", committed.lesson, "--force")
    assert git(committed, "status", "--porcelain") == ""


def test_a_release_older_than_its_source_is_named(committed):
    source = committed.root / "solutions" / committed.lesson / "infonce.py"
    before = source.read_text(encoding="utf-8")
    source.write_text(f"{before}\n# %% [markdown]\n# One more word.\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"01_infonce.infonce\.ipynb .* run `course build`"):
        register(committed.root)
    source.write_text(before, encoding="utf-8")


def test_without_serving_it_returns(committed, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_ROOT", str(committed.root))
    assert classroom(serve=False) == 0
    assert committed.lesson in capsys.readouterr().out


def test_formgrader_answers_at_the_printed_address(committed):
    server = subprocess.Popen(
        [sys.executable, "-c", "from course.classroom import classroom; classroom(browser=False)"],
        env=committed.environment() | {"COURSE_ROOT": str(committed.root)},
        cwd=committed.root,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        printed = iter(server.stdout.readline, "")
        address = next(found[1] for line in printed if (found := re.search(r"(http://\S+)", line)))
        assert "/formgrader?token=" in address
        with urllib.request.urlopen(address) as page:
            assert "formgrader" in page.read().decode().lower()
        with urllib.request.urlopen(
            address.replace("/formgrader?", "/formgrader/api/assignments?")
        ) as answer:
            assignments = json.load(answer)
        assert committed.lesson in [assignment["name"] for assignment in assignments]
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert server.returncode == 0
