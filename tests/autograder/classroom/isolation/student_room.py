"""A warmed process for tests: every order is code to run in an isolated process of its own.

``python -m student_room DESCRIPTOR``. Standard library only, and nothing of the tests.
"""

import json
import os
import signal
import socket
import sys
import traceback

from autograder.classroom.isolation import enter, prepare


def live(order, connection):
    """Enter isolation and run the code, which speaks through ``say``."""

    def say(**message):
        connection.send(json.dumps(message).encode())

    try:
        entered = enter(order["limits"], announce=lambda pid: say(pid=pid), layers_wanted=order["wanted"])
        say(layers=entered.layers, work=entered.work)
        connection.recv(16)  # as a notebook, this begins only when it is watched
        exec(
            compile(order["code"], "<student>", "exec"),
            {"say": say, "hear": lambda: connection.recv(1 << 16)},
        )
        say(done=True)
    except BaseException:
        say(error=traceback.format_exc())
    finally:
        os._exit(0)


def main(descriptor):
    """Fork for every order until nobody asks any more."""
    orders = socket.socket(fileno=int(descriptor))
    prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    orders.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, 1 << 20, 1)
        if not message:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            if os.fork() == 0:
                orders.close()
                live(json.loads(message), connection)
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break


if __name__ == "__main__":
    main(sys.argv[1])
