"""What the warmed process gets from the one that starts it, and what becomes of it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from isolated_rooms import HERE, Room, exists, until

from autograder.classroom import isolation
from autograder.classroom.isolation import ALL, IsolationError, bubblewrap, launching, processes
from autograder.classroom.isolation.readable import HOME

LOOK = """
    import os, sys
    say(
        variables=dict(os.environ),
        descriptors=sorted(map(int, os.listdir("/proc/self/fd"))),
        user=[os.getuid(), os.geteuid(), os.getgid()],
        groups=os.getgroups(),
        modules=sorted(sys.modules),
    )
"""


@pytest.fixture
def launched():
    """Start a module with some code as its only argument; everything is ended afterwards."""
    ends = []

    def start(module, *arguments, **options):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(20)
        with theirs:
            warmed = isolation.launch(
                module, [str(theirs.fileno()), *arguments], sockets=[theirs], readable=[HERE], **options
            )
        ends.append((ours, warmed))
        return ours, warmed

    yield start
    for ours, warmed in ends:
        ours.close()
        warmed.close()


def test_nothing_of_the_grader_is_inherited(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "a secret")
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    fresh = Room()
    try:
        with fresh.inside(LOOK) as inside:
            heard = inside.hear()
    finally:
        fresh.close()
        os.close(secret)
    allowed = {"PATH", "HOME", "TMPDIR", "PWD", "MPLBACKEND", "CUDA_VISIBLE_DEVICES", "LANG", "LANGUAGE"}
    allowed |= {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "COURSE_ISOLATION"}
    allowed |= {"OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    unknown = {name for name in heard["variables"] if name not in allowed and not name.startswith("LC_")}
    assert not unknown
    assert "a secret" not in json.dumps(heard["variables"])
    # Its connection, and the folder that lists them.
    assert len(heard["descriptors"]) == 5
    assert heard["descriptors"][:3] == [0, 1, 2]
    assert not [name for name in heard["modules"] if name.startswith("autograder.exercises")]


def test_threads_are_one_and_there_is_no_graphics_card(room):
    with room.inside(LOOK) as inside:
        variables = inside.hear()["variables"]
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        assert variables[name] == "1"
    assert variables["CUDA_VISIBLE_DEVICES"] == ""
    assert variables["PATH"].split(":")[0] == str(Path(sys.prefix) / "bin")


@pytest.mark.skipif(os.getuid() != 0, reason="the tests do not run as root")
def test_root_becomes_a_user_of_its_own(room):
    with room.inside(LOOK) as inside:
        heard = inside.hear()
    assert heard["user"] == [launching.NOBODY] * 3
    assert heard["groups"] == []


def test_what_is_hidden_cannot_be_read(room):
    hidden = ["solutions", "autograder/judge.py", "autograder/exercises/registry.py", "notebooks", "course"]
    code = f"""
        import os
        seen = []
        for path in {[str(HOME / name) for name in hidden] + ["/root/.bashrc", "/etc/shadow", "/var/log"]!r}:
            try:
                os.listdir(path) if os.path.isdir(path) else open(path).close()
                seen.append(path)
            except OSError:
                continue
        import autograder.case, autograder.observation
        try:
            import autograder.judge
            seen.append("the judge")
        except ImportError as error:
            pass
        say(seen=seen)
    """
    with room.inside(code) as inside:
        assert inside.hear() == {"seen": []}


def test_a_failing_start_says_why(launched):
    ours, warmed = launched("no.such.module")
    assert ours.recv(10) == b""
    warmed.process.wait(10)
    assert "No module named" in warmed.complaint()
    warmed.close()
    assert "No module named" in warmed.complaint()


def test_a_process_that_complains_without_end_is_cut_and_does_not_wait(launched, tmp_path):
    (tmp_path / "noisy.py").write_text(
        "import os, socket, sys\n"
        "for _ in range(1000):\n"
        "    try:\n        os.write(2, b'x' * 1000)\n"
        "    except BlockingIOError:\n        pass\n"
        "socket.socket(fileno=int(sys.argv[1])).send(b'done')\n"
    )
    tmp_path.chmod(0o755)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(20)
    with ours, theirs:
        warmed = isolation.launch(
            "noisy",
            [str(theirs.fileno())],
            sockets=[theirs],
            readable=[tmp_path],
            environment={"PYTHONPATH": str(tmp_path)},
        )
        assert ours.recv(10) == b"done"
        warmed.close()
    assert 0 < len(warmed.complaint()) <= 1 << 16


def test_it_ends_when_the_grader_is_killed():
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import isolated_rooms; room = isolated_rooms.Room();"
        "from autograder.classroom.isolation import processes; import os;"
        "print(*[p.pid for p in processes.tree(os.getpid()) if p.pid != os.getpid()], flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(HERE)], stdout=subprocess.PIPE, text=True, env=environment
    ) as grader:
        assert grader.stdout is not None
        pids = [int(pid) for pid in grader.stdout.readline().split()]
        assert pids
        assert all(exists(pid) for pid in pids)
        grader.send_signal(signal.SIGKILL)
    assert until(lambda: not any(exists(pid) for pid in pids))


@pytest.mark.parametrize("end", [lambda room: room.warmed.close(), lambda room: room.warmed.let_go()])
def test_a_fork_of_the_grader_does_not_keep_it_alive(end):
    room = Room()
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    try:
        theirs = [one.pid for one in processes.tree(room.warmed.process.pid)]
        end(room)
        assert until(lambda: not any(exists(one) for one in theirs))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        room.close()


def test_a_thread_that_ends_does_not_take_it_along():
    import threading

    found = []
    thread = threading.Thread(target=lambda: found.append(Room()))
    thread.start()
    thread.join()
    (room,) = found
    try:
        with room.inside("say(alive=True)") as inside:
            assert inside.hear() == {"alive": True}
    finally:
        room.close()


def test_without_bubblewrap_root_needs_a_python_that_others_can_reach(monkeypatch, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o700)
    monkeypatch.setattr(launching, "HOME", locked)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(bubblewrap, "found", lambda: ("", "bubblewrap is not installed"))
    with pytest.raises(IsolationError, match=r"cannot get into .*Install bubblewrap"):
        isolation.launch("x", [], sockets=[], readable=[])


def test_a_bubblewrap_that_does_not_work_is_not_used(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    bubblewrap.found.cache_clear()
    try:
        assert bubblewrap.found() == ("", "bwrap: No permissions to create new namespace")
        monkeypatch.setenv("PATH", "/nowhere")
        bubblewrap.found.cache_clear()
        assert bubblewrap.found() == ("", "bubblewrap is not installed")
    finally:
        bubblewrap.found.cache_clear()


def test_all_layers_have_a_word_on_what_they_are_for():
    assert set(isolation.LAYERS) == ALL
    assert all(isolation.LAYERS.values())


def test_importing_works_where_isolation_does_not():
    code = (
        "import os, signal, socket, sys\n"
        "sys.platform = 'win32'\n"
        "for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios'):\n    sys.modules[name] = None\n"
        "for name in ('sysconf', 'O_PATH', 'fork', 'getuid', 'geteuid', 'register_at_fork', 'pidfd_open'):\n"
        "    delattr(os, name)\n"
        "del signal.SIGKILL, socket.AF_UNIX\n"
        "from autograder.classroom import isolation\n"
        "print(isolation.Limits().processes)\n"
        "try:\n    isolation.launch('x', [], sockets=[], readable=[])\n"
        "except isolation.IsolationError as error:\n    print(error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout.splitlines() == ["128", "Isolation needs Linux."], done.stderr
