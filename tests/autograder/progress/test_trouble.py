"""A progress file that is locked, read-only, damaged or foreign is never in the way."""

import shutil
import sqlite3
from contextlib import closing, contextmanager

import pytest

from autograder.progress import events, hints_taken, notices, record_attempt, record_hint, record_solution


def attempt(credit=1.0):
    record_attempt("a.b", credit, None, 1)


def credits_():
    return [event.credit for event in events()]


@contextmanager
def held(path, how="EXCLUSIVE"):
    """The file, held by another connection."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


def test_locked(progress_file, capfd):
    attempt(0.25)
    with held(progress_file):
        attempt(0.5)
        record_hint("a.b", 1)
        assert credits_() == [0.5, None]  # this process remembers its own
        assert hints_taken("a.b") == (1,)
    out, err = capfd.readouterr()
    assert out == (
        f"Another program is using your progress file {progress_file}: "
        "your results are kept until it is free.\n"
    )
    assert err == ""
    attempt(0.75)
    assert credits_() == [0.25, 0.5, None, 0.75]
    assert capfd.readouterr() == ("", "")


def test_a_reader_does_not_mind_a_writer(progress_file, capfd):
    attempt()
    with held(progress_file, "IMMEDIATE"):
        assert credits_() == [1.0]
    assert capfd.readouterr() == ("", "")


def test_read_only(bound_by_permissions, monkeypatch, capfd):
    folder, bound = bound_by_permissions
    path = folder / "progress.sqlite"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    attempt(0.5)
    path.chmod(0o444)
    folder.chmod(0o555)
    with bound():
        attempt(1.0)
        attempt(1.0)
        assert credits_() == [0.5, 1.0, 1.0]
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert out.startswith(f"Your progress cannot be used ({path}: ")
    assert out.endswith("); checks work without it.\n")


def test_a_folder_that_cannot_be_made(bound_by_permissions, monkeypatch, capfd):
    folder, bound = bound_by_permissions
    folder.chmod(0o555)
    path = folder / "data" / "progress.sqlite"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    with bound():
        attempt()
    assert capfd.readouterr() == (
        f"Your progress cannot be used ({path}: Permission denied); checks work without it.\n",
        "",
    )


def test_a_folder_in_the_place_of_the_file(progress_file, capfd):
    progress_file.mkdir(parents=True)
    attempt()
    assert credits_() == [1.0]
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith(f"Your progress cannot be used ({progress_file}: ")


def no_database(path):
    path.write_bytes(b"The dog ate my database. " * 400)


def torn(path):
    path.write_bytes(path.read_bytes()[:5000])


def scrambled(path):
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(range(256)) * 16
    path.write_bytes(content)


def without_tables(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE attempts")


DAMAGES = [no_database, torn, scrambled, without_tables]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("first", ["a check", "a look"])
def test_damaged(damage, first, progress_file, capfd):
    attempt(0.25)
    damage(progress_file)
    before = progress_file.read_bytes()
    if first == "a look":
        assert events() == []
    attempt(1.0)
    assert credits_() == [1.0]
    (aside,) = progress_file.parent.glob("progress-corrupt-*.sqlite")
    assert aside.read_bytes() == before
    assert capfd.readouterr() == (
        f"Your progress file was damaged: it is kept as {aside.name}, and a new one is begun.\n",
        "",
    )


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_with_a_copy_from_another_day(damage, progress_file, capfd):
    attempt(0.25)
    shutil.copy(progress_file, progress_file.with_name("progress-day-2025-01-30.sqlite"))
    progress_file.with_name("progress-day-2025-01-31.sqlite").write_bytes(b"a damaged copy is no use")
    damage(progress_file)
    attempt(1.0)
    assert credits_() == [0.25, 1.0]
    (aside,) = progress_file.parent.glob("progress-corrupt-*.sqlite")
    assert capfd.readouterr().out == (
        f"Your progress file was damaged: it is kept as {aside.name}, "
        "and the copy made on 2025-01-30 takes its place.\n"
    )


def test_an_empty_file_is_a_new_one(progress_file, capfd):
    progress_file.parent.mkdir()
    progress_file.touch()
    assert events() == []
    attempt()
    assert credits_() == [1.0]
    assert capfd.readouterr() == ("", "")


def test_a_newer_schema_is_left_alone(progress_file, capfd):
    attempt(0.5)
    with closing(sqlite3.connect(progress_file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = progress_file.read_bytes()
    attempt(1.0)
    assert credits_() == [1.0]
    assert progress_file.read_bytes() == before
    assert capfd.readouterr() == (
        f"{progress_file} was written by a newer version of the course (schema 99, here 2): "
        "it is left as it is, and nothing is recorded.\n",
        "",
    )


def test_somebody_elses_database_is_left_alone(progress_file, capfd):
    progress_file.parent.mkdir()
    with closing(sqlite3.connect(progress_file)) as connection:
        connection.execute("CREATE TABLE recipes(name)")
    before = progress_file.read_bytes()
    record_solution("a.b")
    assert progress_file.read_bytes() == before
    assert capfd.readouterr() == (
        f"{progress_file} is another program's database: it is left as it is, and nothing is recorded.\n",
        "",
    )


def test_a_row_that_somebody_edited_does_not_raise(progress_file, capfd):
    attempt()
    with closing(sqlite3.connect(progress_file)) as connection, connection:
        connection.execute("UPDATE attempts SET at_utc = 'yesterday'")
    assert events() == []
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("Your progress cannot be used (Invalid isoformat string: 'yesterday')")


def test_a_path_that_cannot_be_printed(monkeypatch, tmp_path, capfd):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "caf\udce9.sqlite"))
    attempt()
    out, err = capfd.readouterr()
    assert err == ""
    assert "caf?.sqlite" in out


def test_each_sentence_is_said_once(capfd):
    notices.say_once("a", "One.")
    notices.say_once("a", "One again.")
    notices.say_once("b", "Two.")
    assert capfd.readouterr() == ("One.\nTwo.\n", "")
