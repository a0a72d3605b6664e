"""The writer on a real PostgreSQL server: the same rows, one transaction each, and people's marks stay."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import small_course as small
from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.classroom.errors import GradingError
from autograder.classroom.folder import Folder
from autograder.classroom.gradebook import Writer
from autograder.classroom.gradebook_errors import GradebookUnreachable, MergeError
from autograder.classroom.ledger import Ledger
from autograder.classroom.merging import Merger
from autograder.notebooks.build import generate_assignment

# Debian keeps the server's programs in a folder for each version, which no PATH names.
PATH = os.pathsep.join([*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))), os.environ["PATH"]])
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("initdb", path=PATH) is None, reason="needs a PostgreSQL server's programs"
    ),
]


def as_server(*command):
    """Run one of the server's programs, which refuse to run as root."""
    program = shutil.which(command[0], path=PATH)
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run([program, *command[1:]], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


class Server:
    """A server of its own, on a free port, in a folder that is thrown away."""

    def __init__(self, folder):
        self.data = str(folder / "data")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.options = f"-p {self.port} -k {folder} -c listen_addresses=127.0.0.1"
        self.log = str(folder / "log")
        as_server("initdb", "-D", self.data, "-A", "trust", "-U", "course")
        self.start()

    def start(self):
        as_server("pg_ctl", "-D", self.data, "-o", self.options, "-l", self.log, "-w", "start")

    def stop(self):
        as_server("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def url(self, database="postgres"):
        return f"postgresql+psycopg://course@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        os.chmod(folder, 0o777)
        running = Server(Path(folder))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def room(server, tmp_path_factory):
    """The small course, its assignment in a gradebook of sqlite and in one of PostgreSQL."""
    root = small.make(tmp_path_factory.mktemp("postgres") / "course")
    shutil.rmtree(root / "release")
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "small"
    config.CourseDirectory.db_url = server.url()
    generate_assignment(small.NAME, config)
    return root, small.released(root)


def test_the_rows_are_those_of_sqlite(server, room):
    root, assignment = room
    for url in (server.url(), small.url(root)):
        with Writer(url, "small") as writer:
            for i in range(5):
                writer.merge(small.made_up(assignment, f"s{i}", float(i)).outcome)
            assert writer.submitted("ps1") == {f"s{i}" for i in range(5)}
            assert writer.waiting("ps1")["s0"] == 4
    assert small.rows(root, db_url=server.url()) == small.rows(root)


def test_a_refused_merge_changes_nothing_and_the_next_goes_on(server, room):
    root, assignment = room
    with Writer(server.url(), "small") as writer:
        writer.merge(small.made_up(assignment, "before").outcome)
        rows = small.rows(root, db_url=server.url())
        strange = small.made_up(assignment, "strange").outcome
        strange.notebooks[1].grades[0] = strange.notebooks[1].grades[0].model_copy(update={"grade_id": "no"})
        for outcome in (strange, small.made_up(assignment, "nul\0").outcome):
            with pytest.raises(MergeError):
                writer.merge(outcome)
        assert small.rows(root, db_url=server.url()) == rows
        writer.merge(small.made_up(assignment, "after").outcome)


def test_a_mark_that_is_being_entered_is_waited_for_and_kept(server, room):
    root, assignment = room
    with Writer(server.url(), "small") as writer:
        writer.merge(small.made_up(assignment, "ann").outcome)
        with Gradebook(server.url(), "small") as person:
            row = person.find_submission_notebook("one", "ps1", "ann")
            next(grade for grade in row.grades if grade.name == "check-f0").manual_score = 2.5
            person.db.flush()
            merging = threading.Thread(
                target=writer.merge, args=(small.made_up(assignment, "ann", 1.0).outcome,)
            )
            merging.start()
            time.sleep(0.3)
            assert merging.is_alive()
            person.db.commit()
            merging.join(30)
    key = ("grade", "ann", "ps1", "one", "check-f0", "GradeCell")
    assert small.rows(root, db_url=server.url())[key] == (1.0, 2.5, None, True, 2.5)


def test_a_server_that_goes_away_loses_nothing(server, room):
    root, assignment = room
    folder = Folder(root, server.url())
    with Ledger(folder.ledger) as ledger, Merger(folder, ledger, assignment) as merger:
        server.stop()
        try:
            with pytest.raises(GradingError, match="cannot be opened"):
                Writer(server.url(), "small")
            for i in range(5):
                result = small.made_up(assignment, f"late{i}")
                ledger.store(result, {}, {})
                told = merger.merge(f"late{i}", result)
                assert told.status == "could not be graded"
            assert any("did not answer several times" in notice for notice in merger.notices)
            assert merger.waiting() == {}
            with pytest.raises(GradebookUnreachable):
                merger._enter(result.outcome)
        finally:
            server.start()
    with Ledger(folder.ledger) as ledger, Merger(folder, ledger, assignment) as merger:
        for i in range(5):
            assert merger.merge(f"late{i}").status == "graded"
        assert {f"late{i}" for i in range(5)} <= {key[1] for key in small.rows(root, db_url=server.url())}
