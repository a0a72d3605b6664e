"""A drills file that is locked, write-protected, damaged, older, newer or another program's loses nothing."""

import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drills.records import Records, Review, Settings, tables
from drills.steps import Rating

AT = datetime(2026, 1, 5, 19, 30, tzinfo=UTC)


def review(number=0, **more):
    return Review(f"infonce.card{number}", AT, Rating.GOOD, **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "drills.sqlite"


@pytest.fixture
def said():
    return []


@contextmanager
def held(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_locked(path, said, monkeypatch):
    monkeypatch.setattr("drills.records.keeper.PATIENCE", 0.05)
    records = Records(path, said.append)
    records.add(review(0))
    with held(path):
        records.add(review(1))
        records.add(review(2))
        assert records.unsaved == 2
        assert records.reviews() == [review(0), review(1), review(2)]  # its own it remembers
        assert Records(path, said.append).reviews() == []
    assert (
        said
        == [f"Another program is using your drills file {path}: your answers are kept until it is free."] * 2
    )
    records.add(review(3))
    assert records.unsaved == 0
    assert Records(path).reviews() == [review(n) for n in range(4)]


def test_what_a_lock_kept_back_is_read_with_the_rest_and_saved_at_the_end(path, said, monkeypatch):
    monkeypatch.setattr("drills.records.keeper.PATIENCE", 0.05)
    with Records(path, said.append) as records:
        records.add(review(0))
        with held(path):
            records.add(review(1))
        assert records.reviews() == [review(0), review(1)]
        assert Records(path).reviews() == [review(0)]
    assert Records(path).reviews() == [review(0), review(1)]


@pytest.mark.parametrize("resumed", [False, True])
def test_a_look_while_the_file_is_locked_does_not_split_a_sitting(resumed, path, said, monkeypatch):
    monkeypatch.setattr("drills.records.keeper.PATIENCE", 0.05)
    records = Records(path, said.append)
    sitting = records.begin("drill", ["infonce.card1"], 1, AT)
    records.note(sitting.id, 1, AT)
    if resumed:
        records = Records(path, said.append)
        records.resume(sitting.id)
    with held(path):
        records.note(sitting.id, 2, AT)
        records.add(review(1, sitting=sitting.id, place=0))
        (found,) = records.unfinished()
        assert [reply.value for reply in found.replies] == [1, 2]
        assert len(records.reviews()) == 1
    records.note(sitting.id, 3, AT)
    (found,) = Records(path).unfinished()
    assert (found.id, [reply.value for reply in found.replies]) == (sitting.id, [1, 2, 3])
    assert [one.sitting for one in Records(path).reviews()] == [sitting.id]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_write_protected(what, bound_by_permissions, said):
    folder, bound = bound_by_permissions
    path = folder / "drills.sqlite"
    if what == "file":
        Records(path).add(review(0))
        path.chmod(0o444)
    folder.chmod(0o555)
    with bound():
        records = Records(path, said.append)
        sitting = records.begin("drill", ["infonce.card1"], 1, AT)
        records.note(sitting.id, "a", AT)
        records.add(review(1, sitting=sitting.id, place=0))
        found = [one.card for one in records.reviews()]
        assert found == (["infonce.card0"] if what == "file" else []) + ["infonce.card1"]
        assert [reply.value for reply in records.unfinished()[0].replies] == ["a"]
        assert records.unsaved == 3
    (sentence,) = said
    assert sentence.startswith(f"Your drills file cannot be saved ({path}: ")
    assert sentence.endswith("): the session goes on, and only this process remembers it.")
    folder.chmod(0o755)
    path.exists() and path.chmod(0o644)
    records.close()  # it may be written again
    assert [one.card for one in Records(path).reviews()] == found


def no_database(path):
    path.write_bytes(b"The dog ate my database. " * 400)


def torn(path):
    path.write_bytes(path.read_bytes()[:5000])


def scrambled(path):
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(range(256)) * ((len(content) - 4096) // 256)
    path.write_bytes(content)


def without_tables(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE replies")


DAMAGES = [no_database, torn, scrambled, without_tables]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(damage, path, said):
    Records(path).add(review(0))
    damage(path)
    before = path.read_bytes()
    records = Records(path, said.append)
    assert records.reviews() == []
    records.add(review(1))
    assert records.reviews() == [review(1)]
    (aside,) = path.parent.glob("drills-corrupt-*.sqlite")
    assert aside.read_bytes() == before
    assert said == [f"Your drills file was damaged: it is kept as {aside.name}, and a new one is begun."]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_with_a_copy_from_another_day(damage, path, said):
    Records(path).add(review(0))
    shutil.copy(path, path.with_name("drills-day-2026-01-04.sqlite"))
    damage(path)
    records = Records(path, said.append)
    assert records.reviews() == [review(0)]
    assert said[0].endswith("and the copy made on 2026-01-04 takes its place.")


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_in_the_middle_of_a_session_loses_nothing_of_it(damage, path, said):
    Records(path).add(review(0))
    shutil.copy(path, path.with_name("drills-day-2026-01-04.sqlite"))
    records = Records(path, said.append)
    sitting = records.begin("drill", ["infonce.card1", "infonce.card2"], 5, AT)
    records.note(sitting.id, "first", AT)
    records.add(review(1, sitting=sitting.id, place=0))
    records.add(review(1))
    damage(path)
    records.note(sitting.id, "second", AT)
    records.add(review(2, sitting=sitting.id, place=1))
    assert len(said) == 1
    again = Records(path)
    assert [one.card for one in again.reviews()] == [f"infonce.card{n}" for n in (0, 1, 1, 2)]
    (found,) = again.unfinished()
    assert [reply.value for reply in found.replies] == ["first", "second"]


def older(path, drop):
    """A file of version 1, as this version or an older one made it."""
    path.parent.mkdir()
    first = replace(tables.LAYOUT, migrations=tables.LAYOUT.migrations[:1])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        first.migrate(connection)
        tables.insert_review(connection, "key", review(0))
        for statement in drop:
            connection.execute(statement)
    return path


def test_an_older_file_is_copied_and_migrated(path, said, monkeypatch):
    older(path, ["ALTER TABLE sittings ADD COLUMN of_old TEXT"])
    newer = replace(
        tables.LAYOUT,
        migrations=(
            *tables.LAYOUT.migrations,
            ("ALTER TABLE sittings DROP COLUMN of_old", "CREATE TABLE medals(card TEXT)"),
        ),
        tables=tables.LAYOUT.tables | {"medals"},
    )
    monkeypatch.setattr(tables, "LAYOUT", newer)
    before = path.read_bytes()
    records = Records(path, said.append)
    assert records.reviews() == [review(0)]
    assert path.read_bytes() == before  # looking changes nothing
    sitting = records.begin("drill", [], 1, AT)
    records.add(review(1))
    assert records.reviews() == [review(0), review(1)]
    assert [one.id for one in records.unfinished()] == [sitting.id]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (newer.version,)
        assert connection.execute("SELECT * FROM medals").fetchall() == []
    (copy,) = path.parent.glob("drills-v1-*.sqlite")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT card FROM reviews").fetchall() == [("infonce.card0",)]
    assert said == []


def test_a_migration_that_fails_changes_nothing_and_the_session_goes_on(path, said, monkeypatch):
    older(path, ["CREATE TABLE medals(x)"])
    broken = replace(tables.LAYOUT, migrations=(*tables.LAYOUT.migrations, ("CREATE TABLE medals(card)",)))
    monkeypatch.setattr(tables, "LAYOUT", broken)
    records = Records(path, said.append)
    records.add(review(1))
    assert records.reviews() == [review(1)]
    assert "table medals already exists" in said[0]
    monkeypatch.undo()
    assert Records(path).reviews() == [review(0)]


def test_a_newer_file_is_left_alone(path, said):
    Records(path).add(review(0))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    records = Records(path, said.append)
    records.add(review(1))
    assert records.reviews() == [review(1)]
    records.close()
    assert path.read_bytes() == before
    assert said == [
        f"{path} was written by a newer version of the course (schema 99, here {tables.LAYOUT.version}): "
        "it is left as it is, and nothing is recorded."
    ]


def test_somebody_elses_database_is_left_alone(path, said):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes(name)")
    before = path.read_bytes()
    Records(path, said.append).add(review(0))
    assert path.read_bytes() == before
    assert said == [f"{path} is another program's database: it is left as it is, and nothing is recorded."]


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE reviews SET at = 'yesterday'",
        "UPDATE reviews SET said = '5'",
        "INSERT INTO settings VALUES ('interview', '\"soon\"')",
    ],
)
def test_a_row_that_somebody_edited_does_not_raise(edit, path, said):
    Records(path).add(review(0))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(edit)
    records = Records(path, said.append)
    if "settings" in edit:
        assert records.settings() == Settings()
    else:
        assert records.reviews() == []
    assert said[0].startswith(f"Your drills file cannot be read ({path}: ")


def test_a_path_that_cannot_be_printed(tmp_path, said):
    (tmp_path / "file").touch()
    Records(tmp_path / "file" / "caf\udce9.sqlite", said.append).add(review(0))
    assert "caf?.sqlite" in said[0]


def test_a_clock_that_is_moved_back_keeps_the_order(path):
    records = Records(path)
    done = [replace(review(n), at=AT - n * timedelta(days=30)) for n in range(4)]
    for one in done:
        records.add(one)
    assert Records(path).reviews() == done
