"""The autograded folder: complete or not there, and the old one until then."""

from __future__ import annotations

import os
import stat

import pytest

from autograder.classroom import autograded


@pytest.fixture
def target(tmp_path):
    return tmp_path / "autograded" / "ann" / "ps1"


def read(target):
    return {
        path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()
    }


def test_files_are_written_as_they_are_and_read_only(target):
    files = {"one.ipynb": b"{}", "data/deep/x.bin": b"\0\xff", "empty": b""}
    autograded.write(target, files)
    assert read(target) == files
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_file()} == {0o444}


def test_the_new_folder_takes_the_place_of_the_old(target):
    autograded.write(target, {"old.txt": b"old", "one.ipynb": b"1"})
    autograded.write(target, {"one.ipynb": b"2"})
    assert read(target) == {"one.ipynb": b"2"}
    assert [path.name for path in target.parent.iterdir()] == ["ps1"]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", ".", "a\0b"])
def test_no_path_leads_out(target, path):
    autograded.write(target, {"one.ipynb": b"1"})
    with pytest.raises(ValueError, match="is not a path within a submission"):
        autograded.write(target, {"one.ipynb": b"2", path: b"forged"})
    assert read(target) == {"one.ipynb": b"1"}


@pytest.mark.parametrize("failing", [1, 2])
def test_the_old_folder_stays_when_the_new_one_cannot_take_its_place(target, monkeypatch, failing):
    autograded.write(target, {"one.ipynb": b"1"})
    rename, calls = os.rename, []

    def fails(*given):
        calls.append(given)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        return rename(*given)

    monkeypatch.setattr(autograded.os, "rename", fails)
    with pytest.raises(OSError, match="No space"):
        autograded.write(target, {"one.ipynb": b"2"})
    assert read(target) == {"one.ipynb": b"1"}


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_after_a_kill_at_any_rename_the_next_call_clears_up(target, monkeypatch, steps):
    autograded.write(target, {"one.ipynb": b"1"})
    rename, left = os.rename, [steps]

    class Killed(BaseException):
        pass

    def killed(*given):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return rename(*given)

    # What a killed process leaves: no clearing up of its own.
    monkeypatch.setattr(autograded.os, "rename", killed)
    monkeypatch.setattr(autograded, "_remove", lambda path: None)
    with pytest.raises((Killed, FileNotFoundError)) if steps < 2 else monkeypatch.context():
        autograded.write(target, {"one.ipynb": b"2"})
    monkeypatch.undo()
    autograded.write(target, {"one.ipynb": b"3"})
    assert read(target) == {"one.ipynb": b"3"}
    assert [path.name for path in target.parent.iterdir()] == ["ps1"]


def test_a_shared_course_gives_the_group_its_rights(target):
    autograded.write(target, {"data/x": b"1"}, mode=0o664, groupshared=True)
    assert stat.S_IMODE((target / "data" / "x").stat().st_mode) == 0o664
    for folder in (target, target / "data"):
        assert folder.stat().st_mode & 0o2770 == 0o2770
