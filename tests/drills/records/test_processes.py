"""Several processes, real ones, with one drills file; and some that are killed."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from drills.records import Records, Review
from drills.steps import Rating

AT = datetime(2026, 1, 5, 19, 30, tzinfo=UTC)
HEAD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from drills.records import Records, Review
from drills.steps import Rating
AT = datetime(2026, 1, 5, 19, 30, tzinfo=UTC)
records = Records(Path(sys.argv[1]))
"""
WRITER = (
    HEAD
    + """
sitting = records.begin("drill", [f"infonce.c{n}" for n in range(25)], int(sys.argv[2]), AT)
for n in range(25):
    records.note(sitting.id, n, AT)
    records.add(Review(f"infonce.c{n}", AT, Rating.GOOD, sitting=sitting.id, place=n))
if sys.argv[2] != "0":
    records.finish(sitting.id, AT)
"""
)


def start(code, *args):
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "drills.sqlite"


def test_sessions_at_once_lose_nothing(path):
    writers = [start(WRITER, path, number) for number in range(3)]
    said = [writer.communicate(timeout=120) for writer in writers]
    assert [err for _, err in said] == [""] * 3
    records = Records(path)
    found = records.reviews()
    assert len(found) == 75
    by_sitting = {}
    for review in found:
        by_sitting.setdefault(review.sitting, []).append(review.place)
    assert list(by_sitting.values()) == [list(range(25))] * 3
    (cut_off,) = records.unfinished()
    assert [reply.value for reply in cut_off.replies] == list(range(25))


def test_two_processes_that_go_on_with_one_sitting_both_keep_all(path):
    first = Records(path)
    sitting = first.begin("drill", ["infonce.a", "infonce.b"], 4, AT)
    first.note(sitting.id, "together", AT)
    other = start(
        HEAD
        + """
(sitting,) = records.unfinished()
records.resume(sitting.id)
records.note(sitting.id, "theirs", AT)
records.add(Review("infonce.a", AT, Rating.AGAIN, sitting=sitting.id, place=0))
""",
        path,
    )
    assert other.communicate(timeout=60) == ("", "")
    first.add(Review("infonce.a", AT, Rating.GOOD, sitting=sitting.id, place=0))
    first.note(sitting.id, "mine", AT)
    assert [review.rating for review in Records(path).reviews()] == [Rating.AGAIN, Rating.GOOD]
    told = sorted([reply.value for reply in one.replies] for one in Records(path).unfinished())
    assert told == [["together", "mine"], ["together", "theirs"]]
    first.finish(sitting.id, AT)
    (left,) = Records(path).unfinished()
    assert left.replies[-1].value == "theirs"


ENDLESS = (
    HEAD
    + """
sitting = records.begin("drill", [], 0, AT)
n = 0
while True:
    records.note(sitting.id, n, AT)
    records.add(Review(f"infonce.c{n}", AT, Rating.GOOD, sitting=sitting.id, place=n))
    print(n)
    n += 1
"""
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
@pytest.mark.parametrize("count", [1, 7, 16])
def test_a_session_that_is_killed_loses_at_most_what_it_was_just_writing(path, count):
    process = start(ENDLESS, path)
    for _ in range(count):
        last = int(process.stdout.readline())
    process.kill()
    rest = process.communicate(timeout=60)[0].split()
    last = int(rest[-1]) if rest else last
    records = Records(path)
    places = [review.place for review in records.reviews()]
    assert places == list(range(len(places)))
    assert len(places) in (last + 1, last + 2)
    (sitting,) = records.unfinished()
    assert [reply.value for reply in sitting.replies] == list(range(len(sitting.replies)))
    assert len(sitting.replies) - len(places) in (0, 1)
    records.resume(sitting.id)
    records.note(sitting.id, "on", AT)
    assert records.unfinished()[0].replies[-1].value == "on"


TORN = (
    HEAD
    + """
import os
from drills.records import tables
def change(connection):
    connection.execute("PRAGMA cache_size = 5")  # so small that pages reach the file before the commit
    for n in range(3000):
        tables.insert_review(connection, f"k{n}", Review("infonce.x", AT, Rating.GOOD, said=("long " * 40,)))
    print("now", flush=True)
    sys.stdin.read()
records._keeper.do(change)
"""
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_a_process_killed_in_the_middle_of_a_write_leaves_no_half(path):
    Records(path).add(Review("infonce.a", AT, Rating.GOOD))
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", TORN, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "now\n"
    size = path.stat().st_size
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert size > 100_000  # half of the write had reached the file
    assert path.with_name("drills.sqlite-journal").exists()
    assert [review.card for review in Records(path).reviews()] == ["infonce.a"]
    Records(path).add(Review("infonce.b", AT, Rating.GOOD))
    assert [review.card for review in Records(path).reviews()] == ["infonce.a", "infonce.b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_leaves_what_is_unsaved_to_its_parent(path):
    records = Records(path)
    path.mkdir()  # a folder in the place of the file
    records.add(Review("infonce.a", AT, Rating.GOOD))
    assert records.unsaved == 1
    path.rmdir()
    child = os.fork()
    if child == 0:
        records._keeper.end()  # what the end of a process calls
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not path.exists()
    records._keeper.end()
    assert len(Records(path).reviews()) == 1


def test_records_wait_for_nothing_heavy(path):
    code = (
        HEAD + "records.add(Review('infonce.a', AT, Rating.GOOD)); records.states(); "
        "print(sorted({'torch', 'numpy', 'rich', 'matplotlib', 'nbformat', 'pandas'} & set(sys.modules)))"
    )
    assert start(code, path).communicate(timeout=60) == ("[]\n", "")
