"""Copies of the progress file: one a day, and one before each migration."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autograder.database import backups
from autograder.progress import event, events, record_attempt, record_hint, schema


def attempt(credit):
    record_attempt("a.b", credit, None, 1)


def names(progress_file, pattern):
    return sorted(path.name for path in progress_file.parent.glob(pattern))


@pytest.fixture
def calendar(monkeypatch):
    """Days that pass when told to."""
    day = [datetime(2025, 1, 1, 12, tzinfo=UTC)]
    monkeypatch.setattr(backups, "now", lambda: day[0])

    def sleep(days=1):
        day[0] += timedelta(days=days)

    return sleep


def test_the_first_change_of_a_day_is_preceded_by_a_copy(progress_file, calendar):
    attempt(0.1)
    calendar()
    attempt(0.2)
    attempt(0.3)
    assert names(progress_file, "*-day-*") == ["progress-day-2025-01-02.sqlite"]
    with closing(sqlite3.connect(progress_file.with_name("progress-day-2025-01-02.sqlite"))) as copy:
        assert copy.execute("SELECT credit FROM attempts").fetchall() == [(0.1,)]


def test_the_newest_seven_copies_are_kept(progress_file, calendar):
    for _ in range(10):
        attempt(0.5)
        calendar()
    assert names(progress_file, "*-day-*") == [
        f"progress-day-2025-01-{day:02}.sqlite" for day in range(4, 11)
    ]
    assert len(names(progress_file, "*")) == 8
    assert len(events()) == 10


def test_copies_of_another_file_beside_it_are_not_touched(progress_file, calendar, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(progress_file.with_name("progress-[ab].sqlite")))
    progress_file.parent.mkdir()
    other = progress_file.with_name("progress-a-day-2024-01-01.sqlite")
    other.touch()
    for _ in range(10):
        attempt(0.5)
        calendar()
    assert other.exists()
    assert len(names(progress_file, "*-day-2025*")) == 7


@pytest.fixture
def old_file(progress_file):
    """A file as the first version wrote it."""
    progress_file.parent.mkdir()
    with closing(sqlite3.connect(progress_file)) as connection, connection:
        for statement in schema.LAYOUT.migrations[0]:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.LAYOUT.application_id}")
        connection.execute("PRAGMA user_version = 1")
        at = event.as_text(datetime(2025, 1, 1, tzinfo=UTC))
        connection.execute("INSERT INTO attempts VALUES ('a.b', ?, 0.5, NULL, 7)", [at])
    return progress_file


def test_an_old_file_is_copied_and_then_migrated(old_file, capfd):
    before = old_file.read_bytes()
    record_hint("a.b", 1)
    assert [(e.kind, e.credit, e.level) for e in events()] == [("attempt", 0.5, None), ("hint", None, 1)]
    (copy,) = old_file.parent.glob("progress-v1-*.sqlite")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT credit FROM attempts").fetchall() == [(0.5,)]
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.LAYOUT.version,)
    assert len(before) == len(copy.read_bytes())
    assert capfd.readouterr() == ("", "")


def test_an_old_file_is_read_without_changing_it(old_file):
    before = old_file.read_bytes()
    assert [e.credit for e in events()] == [0.5]
    assert old_file.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(old_file, monkeypatch, capfd):
    before = old_file.read_bytes()
    broken = (*schema.LAYOUT.migrations, ("CREATE TABLE later(x)", "CREATE TABLE hints(again)"))
    monkeypatch.setattr(schema, "LAYOUT", replace(schema.LAYOUT, migrations=broken))
    attempt(1.0)
    out, err = capfd.readouterr()
    assert "table hints already exists" in out
    assert err == ""
    with closing(sqlite3.connect(old_file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert tables == [("attempts",), ("hints",)]
    assert len(before) == len(old_file.read_bytes())
