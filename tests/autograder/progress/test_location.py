from pathlib import Path

import platformdirs

from autograder.progress import events, location, record_attempt, record_hint


def test_the_default_is_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name, appauthor: tmp_path / name)
    assert location() == tmp_path / "clip-to-int8" / "progress.sqlite"


def test_a_path_overrides_it(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", "~/mine.sqlite")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert location() == tmp_path / "mine.sqlite"
    monkeypatch.setenv("COURSE_PROGRESS", "here.sqlite")
    assert location() == Path.cwd() / "here.sqlite"


def test_off_keeps_nothing_but_this_process_remembers(monkeypatch, progress_file, capfd):
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    record_hint("a.b", 1)
    assert location() is None
    assert [event.level for event in events()] == [1]
    monkeypatch.setenv("COURSE_PROGRESS", str(progress_file))
    record_hint("a.b", 2)  # what was remembered elsewhere does not leak into a file
    assert [event.level for event in events()] == [2]
    assert capfd.readouterr() == ("", "")


def test_nothing_is_recorded_while_nbgrader_executes(monkeypatch, progress_file, capfd):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    record_attempt("a.b", 1.0, None, 5)
    assert location() is None
    assert events() == []
    assert not progress_file.parent.exists()
    assert capfd.readouterr() == ("", "")
