"""The grader's side of a `student_room`: give code, hear what it says, watch it, end it. Standard library only."""

import contextlib
import json
import os
import socket
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # this file also runs outside of pytest, as another user

from autograder.classroom.isolation import ALL, Layer, Limits, Watch, launch
from autograder.classroom.isolation.readable import HOME

HERE = Path(__file__).resolve().parent
ORDINARY = 64_123  # the id of a user that no account has
SECONDS = 30.0  # on a machine that has much else to do
LIMITS = Limits(memory_bytes=256 << 20, work_bytes=8 << 20, shared_bytes=8 << 20, processes=32)


class Inside:
    """One isolated process that runs code."""

    def __init__(self, connection, limits):
        self.connection = connection
        self.connection.settimeout(SECONDS)
        self.pid = self.hear()["pid"]
        self.watch = Watch(self.pid, limits)
        heard = self.hear()
        self.work = heard["work"]
        self.layers = {layer[0]: Layer(*layer) for layer in heard["layers"]}
        self.say("begin")

    def hear(self):
        """The next message; None when all who could speak have ended."""
        message = self.connection.recv(1 << 20)
        if not message:
            return None
        heard = json.loads(message)
        assert "error" not in heard, heard["error"]
        return heard

    def say(self, text="go on"):
        self.connection.send(text.encode())

    def ended(self, seconds=5.0):
        """Whether nobody is left who has the connection."""
        self.connection.settimeout(seconds)
        try:
            while self.connection.recv(1 << 20):
                pass
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return True

    def close(self):
        self.watch.kill()
        self.watch.close()
        self.connection.close()


class Room:
    """A warmed process."""

    def __init__(self, layers_wanted=ALL):
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = f"{HOME}:{HERE}"
        with theirs:
            self.warmed = launch(
                "student_room",
                [str(theirs.fileno())],
                sockets=[theirs],
                readable=[HERE / "student_room.py"],
                environment={"PYTHONPATH": path},
                layers_wanted=layers_wanted,
            )
        self.orders.settimeout(SECONDS)
        ready = self.orders.recv(100)
        assert ready == b"ready", self.warmed.complaint()

    @contextlib.contextmanager
    def inside(self, code, limits=LIMITS, without=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {
            "code": textwrap.dedent(code),
            "limits": asdict(limits),
            "wanted": sorted(ALL - set(without)),
        }
        with theirs:
            socket.send_fds(self.orders, [json.dumps(order).encode()], [theirs.fileno()])
        inside = Inside(ours, limits)
        try:
            yield inside
        finally:
            inside.close()

    def close(self):
        self.orders.close()
        self.warmed.close()


def until(condition, seconds=10.0):
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def exists(pid):
    """Whether the process is there and runs."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def burning(inside):
    """CPU seconds seen when code says that it has burnt some: a check for another user's process."""
    inside.hear()
    return inside.watch.usage().cpu_seconds


BURN_ORPHANS = """
    import os, time
    for number in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while time.process_time() < 0.2:
                    pass
                os._exit(0)
            os._exit(0)
        os.wait()
    time.sleep(0.9)
    say(burnt=True)
    hear()
"""


OPEN_TERMINAL = """
    import os, pty
    try:
        say(terminal=os.ttyname(pty.openpty()[1]))
    except OSError as error:
        say(terminal=str(error))
"""


HOLD_SOCKETS = """
    import socket
    held = [socket.socketpair() for _ in range(50)]
    say(held=True)
    hear()
"""


if __name__ == "__main__":
    # As another user: print what the start-up attacks came to, and what was seen of orphans' CPU time.
    from autograder.classroom.isolation import canaries

    wanted = ALL - set(sys.argv[1:])
    findings = canaries(layers_wanted=wanted)
    room = Room(wanted)
    with room.inside(BURN_ORPHANS) as inside:
        seconds = burning(inside)
        gone = inside.watch.kill()
    with room.inside(OPEN_TERMINAL) as inside:
        terminal = inside.hear()["terminal"]
    with room.inside(HOLD_SOCKETS) as inside:
        inside.hear()
        sockets = inside.watch.usage().memory_bytes >> 20
    room.close()
    print(
        json.dumps(
            {
                "uid": os.getuid(),
                "layers": {layer.name: layer.held for layer in findings.layers},
                "attacks": {attack.name: [attack.held, attack.by] for attack in findings.attacks},
                "seconds": findings.seconds,
                "orphans": seconds,
                "gone": gone,
                "terminal": terminal,
                "sockets": sockets,
            }
        )
    )
