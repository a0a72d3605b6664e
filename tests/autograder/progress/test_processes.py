"""Several processes, real ones, with one progress file."""

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from types import SimpleNamespace

from autograder.progress import events, record_attempt, schema

WRITER = """
import sys
from autograder.progress import record_attempt
for n in range(25):
    record_attempt(f"a.from{sys.argv[1]}", n / 25, None, n)
"""


def start(code, *args):
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_writers_at_once_lose_nothing():
    writers = [start(WRITER, str(number)) for number in range(4)]
    said = [writer.communicate(timeout=120) for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)
    assert [err for _, err in said] == [""] * 4
    for out, _ in said:  # waiting for one another is all that they may have to say
        assert out == "" or (out.startswith("Another program is using") and out.count("\n") == 1)
    found = events()
    for number in range(4):
        mine = [event.ms for event in found if event.exercise == f"a.from{number}"]
        assert mine == list(range(25))
    assert len(found) == 100


class Interrupted(sqlite3.Connection):
    """A connection that lets another process make the tables right after it saw that nobody owns the file."""

    def execute(self, sql, *args):
        result = super().execute(sql, *args)
        if sql == "PRAGMA application_id":
            found = result.fetchall()  # an open cursor would lock the file
            (_, _, file), *_ = super().execute("PRAGMA database_list").fetchall()
            with (
                closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other,
                suppress(sqlite3.OperationalError),
            ):
                schema.LAYOUT.migrate(other)
            return SimpleNamespace(fetchone=lambda: found[0])
        return result


def test_a_file_that_another_process_is_just_making_is_not_taken_for_a_foreign_one(tmp_path):
    connection = sqlite3.connect(tmp_path / "new.sqlite", factory=Interrupted, isolation_level=None)
    with closing(connection):
        assert schema.LAYOUT.version_of(connection) == 0


def test_what_a_lock_kept_back_is_saved_when_the_process_ends(progress_file):
    record_attempt("a.b", 0.5, None, 1)
    with closing(sqlite3.connect(progress_file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writer = start("from autograder.progress import record_hint as r; r('a.b', 1); r('a.b', 2)")
        said = writer.stdout.readline()
        other.execute("ROLLBACK")
    assert said.startswith("Another program is using your progress file")
    assert writer.communicate(timeout=60) == ("", "")
    assert [event.level for event in events()] == [None, 1, 2]


CUT_OFF = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 5")  # so small that pages reach the file before the commit
connection.execute("BEGIN IMMEDIATE")
for n in range(5000):
    connection.execute("INSERT INTO attempts VALUES ('a.b', '2025-01-01', 0.5, NULL, 1)")
os._exit(9)
"""


def test_a_process_that_dies_while_writing_leaves_no_half(progress_file):
    record_attempt("a.b", 0.25, None, 1)
    dying = start(CUT_OFF, str(progress_file))
    dying.communicate(timeout=60)
    assert dying.returncode == 9
    assert progress_file.with_name("progress.sqlite-journal").exists()
    assert [event.credit for event in events()] == [0.25]
    record_attempt("a.b", 1.0, None, 1)
    assert [event.credit for event in events()] == [0.25, 1.0]


def test_recording_waits_for_neither_torch_nor_anything_heavy():
    code = (
        "import sys, autograder.progress as p; p.record_hint('a.b', 1); "
        "print(sorted({'torch', 'jupytext', 'nbformat', 'rich', 'typer'} & set(sys.modules)))"
    )
    assert start(code).communicate(timeout=60) == ("[]\n", "")
