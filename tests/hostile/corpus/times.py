"""Time: loops that nothing stops, sleep, CPU taken by children and threads. All of it stops by itself."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .making import answer, in_answer, insert

THEME = "time"

#: Ends by itself after ninety seconds.
LOOP = """
import time
end = time.monotonic() + 90
while time.monotonic() < end:
    pass
"""
STUBBORN = """
import time
end = time.monotonic() + 90
while time.monotonic() < end:
    try:
        while time.monotonic() < end:
            pass
    except BaseException:
        pass
"""

attacks = [
    Attack("endless_loop", THEME, "a cell that never ends", (insert(LOOP),), keeps=ALL, says=frozenset({"timed_out"})),
    Attack(
        "swallows_interrupts",
        THEME,
        "an endless loop that swallows every exception",
        (insert(STUBBORN),),
        keeps=BEFORE,
        says=frozenset({"timed_out"}),
    ),
    Attack(
        "loops_in_answer",
        THEME,
        "an answer that never ends",
        (answer("clip_loss", in_answer(LOOP)),),
        earns={"clip_loss": 0.0},
        keeps=ALL,
        says=None,
    ),
    Attack(
        "swallows_the_deadline",
        THEME,
        "an answer that never ends and swallows every exception",
        (answer("clip_loss", in_answer(STUBBORN)),),
        earns={"clip_loss": 0.0},
        keeps=BEFORE,
        says=None,
    ),
    Attack(
        "blocks_signals",
        THEME,
        "all signals blocked, then an endless loop",
        (
            insert(
                "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, signal.NSIG)) - {32, 33})\n"
                "for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU):\n"
                "    signal.signal(number, signal.SIG_IGN)\n" + LOOP
            ),
        ),
        keeps=BEFORE,
        says=frozenset({"timed_out"}),
    ),
    Attack(
        "loops_in_c",
        THEME,
        "one call into C that takes minutes and looks at no signal",
        (
            insert(
                "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (60, 60))\nx = 7 ** 40_000_000\nlen(str(x % 10**9))"
            ),
        ),
        keeps=BEFORE,
        says=frozenset({"timed_out"}),
    ),
    Attack("sleeps", THEME, "a cell that sleeps for hours", (insert("import time\ntime.sleep(7200)"),), keeps=BEFORE, says=frozenset({"timed_out"})),
    Attack(
        "burns_in_children",
        THEME,
        "CPU time taken by child processes while the cell waits",
        (
            insert(
                "import subprocess, sys\n"
                "burn = 'import time\\nend = time.monotonic() + 60\\nwhile time.monotonic() < end: pass'\n"
                "children = [subprocess.Popen([sys.executable, '-c', burn]) for _ in range(3)]\n"
                "[child.wait() for child in children]"
            ),
        ),
        keeps=BEFORE,
        says=frozenset({"timed_out"}),
    ),
    Attack(
        "burns_in_threads",
        THEME,
        "threads that go on computing after their cell",
        (
            insert(
                "import threading, time\nend = time.monotonic() + 60\n"
                "def burn():\n    while time.monotonic() < end:\n        pass\n"
                "for _ in range(4):\n    threading.Thread(target=burn, daemon=True).start()"
            ),
        ),
        says=None,
    ),
    Attack("asks_for_input", THEME, "a cell that waits for the keyboard", (insert("name = input('Who are you? ')"),), keeps=ALL),
    Attack(
        "stops_itself",
        THEME,
        "SIGSTOP to its own process",
        (insert("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),),
        keeps=BEFORE,
        says=frozenset({"timed_out", "crashed"}),
    ),
]  # fmt: skip
