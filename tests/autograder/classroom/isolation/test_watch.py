"""What the watch sees of all processes together, and that nothing outlives its kill."""

import os
import subprocess
import time

import pytest
from isolated_rooms import BURN_ORPHANS, LIMITS, burning, exists, until

from autograder.classroom.isolation import Limits, memory

MODES = pytest.mark.parametrize("without", [(), ("user",)], ids=["namespaces", "no namespaces"])
MEGABYTE = 1 << 20


@MODES
def test_cpu_time_of_processes_that_have_ended_counts(room, without):
    code = """
        import os, time
        def burn(seconds):
            while time.process_time() < seconds:
                pass
        burn(0.2)
        if os.fork() == 0:
            burn(0.3)
            os._exit(0)
        os.wait()
        say(burnt=True)
        hear()
    """
    with room.inside(code, without=without) as inside:
        inside.hear()
        assert inside.watch.usage().cpu_seconds == pytest.approx(0.5, abs=0.12)


@MODES
def test_cpu_time_of_daemons_counts(room, without):
    with room.inside(BURN_ORPHANS, without=without) as inside:
        assert burning(inside) == pytest.approx(0.6, abs=0.15)


def test_cpu_time_of_children_that_nobody_waits_for_counts(room):
    code = """
        import os, signal, time
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                while time.process_time() < 0.2:
                    pass
                os._exit(0)
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue  # it has ended, and its time has disappeared
        say(burnt=True)
        hear()
    """
    with room.inside(code) as inside:
        seen = []
        inside.connection.setblocking(False)
        while True:
            seen.append(inside.watch.usage().cpu_seconds)
            try:
                inside.hear()
                break
            except BlockingIOError:
                time.sleep(0.01)
        assert seen == sorted(seen)
        assert (
            inside.watch.usage().cpu_seconds >= 0.3
        )  # what was seen of each before it ended; the last one alone is 0.2


@MODES
def test_memory_that_forks_share_is_counted_once(room, without):
    code = """
        import os, time
        block = bytearray(60 << 20)
        for _ in range(6):
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
        say(held=True)
        hear()
        more = bytearray(b"x" * (1 << 20)) * 40
        say(held=True)
        hear()
    """
    limits = Limits(memory_bytes=200 * MEGABYTE, processes=32)
    with room.inside(code, limits, without=without) as inside:
        inside.hear()
        usage = inside.watch.usage()
        assert 60 * MEGABYTE < usage.memory_bytes < 100 * MEGABYTE
        assert usage.processes == 7
        assert inside.watch.over() is None
        inside.say()
        inside.hear()
        assert inside.watch.usage().memory_bytes > 100 * MEGABYTE


@MODES
def test_private_memory_of_several_adds_up(room, without):
    code = """
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                block = bytearray(b"x") * (40 << 20)
                say(held=True)
                time.sleep(20)
                os._exit(0)
        hear()
    """
    limits = Limits(memory_bytes=140 * MEGABYTE, processes=32)
    with room.inside(code, limits, without=without) as inside:
        for _ in range(4):
            inside.hear()
        assert inside.watch.over() == "memory"
        assert inside.watch.usage().memory_bytes > 160 * MEGABYTE


def test_shared_memory_counts_once_however_many_have_it(room):
    code = """
        import mmap, os, time
        block = mmap.mmap(-1, 60 << 20)
        block.write(b"x" * (60 << 20))
        for _ in range(4):
            if os.fork() == 0:
                block.seek(0)
                block.write(b"y" * (60 << 20))
                say(held=True)
                time.sleep(20)
                os._exit(0)
        hear()
    """
    with room.inside(code, Limits(memory_bytes=200 * MEGABYTE, processes=32)) as inside:
        for _ in range(4):
            inside.hear()
        assert 60 * MEGABYTE < inside.watch.usage().memory_bytes < 130 * MEGABYTE
        assert inside.watch.over() is None


def test_what_lies_in_sockets_counts(room):
    """Also of those that are on their way in another one, and open nowhere. 200 sockets hold at most 40 MB."""
    code = """
        import socket
        held = [socket.socketpair() for _ in range(50)]
        away = [socket.socketpair() for _ in range(50)]
        carrier, end = socket.socketpair()
        for one, other in away:
            one.setblocking(False)
            try:
                while True:
                    one.send(bytes(1 << 16))
            except BlockingIOError:
                pass
            socket.send_fds(carrier, [b"x"], [one.fileno(), other.fileno()])
            one.close()
            other.close()
        say(sockets=202)
        hear()
    """
    with room.inside(code, Limits(memory_bytes=64 * MEGABYTE)) as inside:
        inside.hear()
        assert inside.watch.usage().memory_bytes > 100 * MEGABYTE
        assert inside.watch.over() == "memory"


def test_what_a_socket_holds_has_a_bound(room):
    code = """
        import socket
        sent = []
        for wish in (None, 1 << 28):
            one, other = socket.socketpair()
            one.setblocking(False)
            if wish:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wish)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sent.append(0)
            try:
                while sent[-1] < 20 << 20:
                    sent[-1] += one.send(bytes(1 << 16))
            except BlockingIOError:
                pass
        say(sent=sent)
    """
    with room.inside(code) as inside:
        usual, wished = inside.hear()["sent"]
        assert usual == wished < MEGABYTE


def test_a_connection_on_the_own_network_holds_little(room):
    """Where Landlock does not know TCP."""
    code = """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        one = socket.create_connection(server.getsockname())
        other = server.accept()[0]
        one.settimeout(0.3)
        sent = 0
        try:
            while sent < 20 << 20:
                sent += one.send(bytes(1 << 16))
        except TimeoutError:
            pass
        say(sent=sent)
    """
    with room.inside(code, without=["landlock"]) as inside:
        assert 0 < inside.hear()["sent"] < MEGABYTE


def test_tables_of_pages_count(room):
    """Pages of zeros take no memory of their own, but 4 KB for every 2 MB of them."""
    code = """
        import mmap
        block = mmap.mmap(-1, 900 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
        say(begun=True)
        hear()
        sum(block[place] for place in range(0, len(block), 2 << 20))
        say(read=True)
        hear()
    """
    with room.inside(code) as inside:
        inside.hear()
        before = inside.watch.usage().memory_bytes
        inside.say()
        inside.hear()
        assert 1.7 * MEGABYTE < inside.watch.usage().memory_bytes - before < 2.5 * MEGABYTE


@MODES
def test_files_count_as_well_when_nobody_has_them_open(room, without):
    code = """
        with open("big", "wb") as file:
            file.write(bytes(6 << 20))
        say(written=True)
        hear()
    """
    with room.inside(code, without=without) as inside:
        inside.hear()
        assert until(lambda: 6 * MEGABYTE <= inside.watch.usage().file_bytes < 8 * MEGABYTE)


def test_a_folder_on_a_disk_is_bounded_by_the_watch(room):
    code = """
        for number in range(3):
            with open(f"big{number}", "wb") as file:
                file.write(bytes(7 << 20))
        say(written=True)
        hear()
    """
    with room.inside(code, without=["user"]) as inside:
        inside.hear()
        assert until(lambda: inside.watch.over() == "memory")


@pytest.mark.parametrize(
    "make",
    [
        "[os.mkdir('x' * 200) or os.chdir('x' * 200) for _ in range(40)]",
        "[os.mkdir(str(n)) for n in range(60)]",
        "os.mkdir('closed', 0)",
    ],
    ids=["too deep", "too many", "closed"],
)
def test_a_folder_that_cannot_be_walked_through_counts_as_full(tmp_path, make, monkeypatch):
    """Where it is on a disk. In a fork, because the paths get too long for this process's current folder."""
    if "closed" in make and os.getuid() == 0:
        pytest.skip("nothing is closed to root")
    monkeypatch.setattr(memory, "MOST_ENTRIES", 50)
    pid = os.fork()
    if pid == 0:
        os.chdir(tmp_path)
        exec(make)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert memory._lying_in(str(tmp_path)) > 1 << 60
    subprocess.run(["rm", "-rf", tmp_path], check=True)


@MODES
def test_too_many_processes_are_seen_and_more_are_refused(room, without):
    code = """
        import os, time
        count = 0
        try:
            while count < 200:
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                count += 1
        except BlockingIOError:
            say(count=count)
        hear()
    """
    limits = Limits(processes=12)
    with room.inside(code, limits, without=without) as inside:
        assert 12 <= inside.hear()["count"] < 60
        assert inside.watch.over() == "processes"


def test_threads_count_as_processes(room):
    code = """
        import threading, time
        for _ in range(9):
            threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        say(started=True)
        hear()
    """
    with room.inside(code) as inside:
        inside.hear()
        assert inside.watch.usage().processes == 10


@MODES
def test_a_kill_leaves_nobody(room, without):
    code = """
        import os, signal, time
        for number in range(4):
            if os.fork() == 0:
                for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(one, signal.SIG_IGN)
                os.setsid()
                if os.fork() == 0:
                    time.sleep(20)
                os._exit(0)
        say(left=True)
        time.sleep(20)
    """
    with room.inside(code, without=without) as inside:
        inside.hear()
        begun = time.monotonic()
        assert inside.watch.kill()
        assert time.monotonic() - begun < 3
        assert inside.ended()
        assert not exists(inside.pid)
        assert inside.watch.over() is None
        assert inside.watch.kill()


@MODES
def test_a_kill_is_faster_than_a_fork_bomb(room, without):
    code = """
        import os, time
        say(begun=True)
        end = time.monotonic() + 8
        while time.monotonic() < end:
            try:
                if os.fork() == 0:
                    os.setsid()
            except BlockingIOError:
                time.sleep(0.001)
        os._exit(0)
    """
    with room.inside(code, LIMITS, without=without) as inside:
        inside.hear()
        assert until(lambda: inside.watch.over() == "processes")
        assert inside.watch.kill()
        assert inside.ended(3)


def test_a_stopped_process_is_killed_too(room):
    code = """
        import os, signal
        say(stopping=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    """
    with room.inside(code) as inside:
        inside.hear()
        assert inside.watch.kill()
        assert inside.ended()
