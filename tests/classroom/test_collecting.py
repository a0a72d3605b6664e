"""From a student's folder to the gradebook: files of the student's own come along, lesson sources do not."""

from __future__ import annotations

import shutil
import zipfile

import pytest

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]


def test_through_an_exchange(clone, answers, written, tmp_path):
    room = clone("exchange")
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    shared = [f"--Exchange.root={exchange}", "--course=clip-to-int8"]
    room.nbgrader("release_assignment", room.lesson, *shared)

    student = type(room)(tmp_path / "student", tmp_path)
    student.root.mkdir()
    student.nbgrader("fetch_assignment", room.lesson, *shared)
    work = student.root / room.lesson
    assert [file.name for file in work.iterdir()] == ["infonce.ipynb"]
    (work / "helper.py").write_text(answers.HELPER, encoding="utf-8")
    student.nbgrader("submit", room.lesson, *shared)

    room.nbgrader("collect", room.lesson, *shared)
    (collected,) = (room.root / "classroom" / "submitted").glob(f"*/{room.lesson}")
    assert {"helper.py", "infonce.ipynb"} <= {file.name for file in collected.iterdir()}
    assert "infonce.py" not in {file.name for file in collected.iterdir()}


def test_from_downloaded_archives(clone, answers, written):
    room = clone("archives")
    right = room.answers() | {"l2_normalize": written(answers.l2_normalize__helper)}
    room.submit("ada", right, helper=answers.HELPER)
    submitted = room.root / "classroom" / "submitted"
    archive = room.root / "classroom" / "downloaded" / room.lesson / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "ada.zip", "w") as file:
        for path in (submitted / "ada" / room.lesson).iterdir():
            file.write(path, f"ada/{path.name}")
    shutil.rmtree(submitted)
    pattern = r"(?P<student_id>\w+)/(?P<file_id>.+)$"
    room.nbgrader("zip_collect", room.lesson, f"--FileNameCollectorPlugin.named_regexp=.*/{pattern}")
    assert (submitted / "ada" / room.lesson / "helper.py").read_text(encoding="utf-8") == answers.HELPER
    room.nbgrader("autograde", room.lesson)
    assert room.points("ada")["l2_normalize"] == 2.0
