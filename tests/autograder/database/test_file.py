"""What a database file does beyond what progress and drills show of it."""

import sqlite3
from contextlib import closing

import pytest

from autograder.database import Damaged, File, Foreign, Layout, Newer, is_busy, is_damage, set_aside

LAYOUT = Layout(0x7E57, (("CREATE TABLE notes(text TEXT NOT NULL)",),), frozenset({"notes"}))


def everything(connection):
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


def write(text):
    return lambda connection: connection.execute("INSERT INTO notes VALUES (?)", [text])


@pytest.fixture
def file(tmp_path):
    said = []
    made = File(
        tmp_path / "a" / "notes.sqlite", LAYOUT, "Your notes", everything, lambda *it: said.append(it), 0.1
    )
    object.__setattr__(made, "said", said)
    return made


def test_a_file_is_made_by_writing_and_not_by_reading(file):
    assert file.read(everything) == []
    assert not file.path.parent.exists()
    file.write(write("one"))
    assert file.read(everything) == ["one"]


def test_work_that_raises_writes_nothing(file):
    file.write(write("one"))

    def halfway(connection):
        write("two")(connection)
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        file.write(halfway)
    assert file.read(everything) == ["one"]


def test_all_that_is_read_in_one_go_is_of_one_state(file):
    file.write(write("one"))

    def twice(connection):
        before = everything(connection)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            file.write(write("two"), patience=0)
        return before, everything(connection)

    assert file.read(twice) == (["one"], ["one"])


def test_the_journal_of_a_damaged_file_is_not_applied_to_the_one_in_its_place(file):
    file.write(write("one" * 500))
    content = file.path.read_bytes()
    file.path.with_name("notes-day-2026-01-01.sqlite").write_bytes(content)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(200):
            connection.execute("UPDATE notes SET text = text || 'more'")
            connection.execute("INSERT INTO notes VALUES (?)", ["x" * 3000])
        journal = file.path.with_name("notes.sqlite-journal").read_bytes()
        connection.execute("ROLLBACK")
    assert len(journal) > 512
    file.path.write_bytes(b"no database at all " * 300)
    file.path.with_name("notes.sqlite-journal").write_bytes(b"\0" * 16 + journal[16:])
    assert file.read(everything) == ["one" * 500]
    (aside,) = file.path.parent.glob("notes-corrupt-*.sqlite")
    assert file.said == [
        (
            "damaged",
            f"Your notes was damaged: it is kept as {aside.name}, and the copy made on 2026-01-01 takes its place.",
        )
    ]
    assert aside.with_name(aside.name + "-journal").exists()
    assert not file.path.with_name("notes.sqlite-journal").exists()


@pytest.mark.parametrize("companion", ["-journal", "-wal", "-shm"])
def test_what_is_set_aside_takes_its_logs_along(tmp_path, companion):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"damaged")
    path.with_name(path.name + companion).write_bytes(b"log")
    aside = set_aside(path)
    assert aside.read_bytes() == b"damaged"
    assert aside.with_name(aside.name + companion).read_bytes() == b"log"
    assert sorted(tmp_path.iterdir()) == sorted([aside, aside.with_name(aside.name + companion)])


def test_faults_are_told_apart(file):
    assert is_damage(Damaged("tables are missing"))
    assert not is_busy(Damaged("tables are missing"))
    assert not is_damage(ValueError("tables are missing"))
    file.path.parent.mkdir()
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute("CREATE TABLE recipes(name)")
    with pytest.raises(Foreign, match=r"^is another program's database$"):
        file.write(write("one"))
    file.path.unlink()
    file.write(write("one"))
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(Newer, match=r"schema 9, here 1") as newer:
        file.read(everything)
    assert (newer.value.found, newer.value.here) == (9, 1)
