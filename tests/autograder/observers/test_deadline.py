"""Endless answers are stopped: loops, sleeps, in other threads, and those that swallow exceptions."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from autograder.case import Case
from autograder.observers import FunctionObserver, observe
from autograder.observers.deadline import OutOfTime, deadline

CASE = Case("a number", {"x": np.array(1.0)})
SHORT = FunctionObserver(seconds=0.1)


def endless(x):
    while True:
        x = x + 1


def sleeping(x):
    time.sleep(60)


def swallowing(x):
    while True:
        try:  # noqa: SIM105  # as a learner writes it
            x = x + 1
        except Exception:
            pass


def swallowing_once(x):
    try:
        endless(x)
    except BaseException:
        endless(x)


def printing(x):
    while True:
        print(x)


@pytest.mark.parametrize("answer", [endless, sleeping, swallowing, swallowing_once, printing])
def test_it_is_stopped(answer):
    assert observe(SHORT, answer, CASE).error == {"kind": "slow", "limit": 0.1}


def test_no_alarm_is_left_behind():
    handler = signal.getsignal(signal.SIGALRM)
    observe(SHORT, endless, CASE)
    assert signal.getsignal(signal.SIGALRM) is handler


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no interval timer")
def test_somebody_elses_timer_goes_on():
    before = signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        observe(SHORT, endless, CASE)
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 900 < left < 1000
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)


@pytest.mark.parametrize("answer", [endless, swallowing, swallowing_once])
def test_it_is_stopped_off_the_main_thread(answer):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(observe(SHORT, answer, CASE)))
    thread.start()
    thread.join(timeout=30)
    assert [one.error for one in seen] == [{"kind": "slow", "limit": 0.1}]


def test_a_quick_block_off_the_main_thread_is_left_alone_afterwards():
    done = []

    def work():
        with deadline(0.05):
            pass
        time.sleep(0.2)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=30)
    assert done == [True]


@pytest.fixture
def slow_module(tmp_path, monkeypatch):
    """A module that takes longer to load than the limit allows, as parts of torch do on a busy machine."""
    (tmp_path / "loads_slowly.py").write_text(
        "import time\nfor _ in range(30):\n    time.sleep(0.01)\nready = True\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "loads_slowly"
    sys.modules.pop("loads_slowly", None)


def importing(x):
    import loads_slowly

    assert loads_slowly.ready
    return x


def importing_in_vain(x):
    import loads_slowly  # noqa: F401

    return endless(x)


@pytest.mark.parametrize("on_main_thread", [True, False])
def test_an_import_is_not_interrupted_and_its_time_does_not_count(slow_module, on_main_thread):
    seen = []

    def run():
        seen.append(observe(SHORT, importing, CASE))

    if on_main_thread:
        run()
    else:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(timeout=30)
    assert [one.error for one in seen] == [None]
    assert sys.modules[slow_module].ready


def test_after_an_import_the_limit_holds_again(slow_module):
    assert observe(SHORT, importing_in_vain, CASE).error == {"kind": "slow", "limit": 0.1}


def test_an_import_without_end_is_stopped_after_all(slow_module, monkeypatch):
    monkeypatch.setattr("autograder.observers.deadline.IMPORT_PATIENCE", 0.0)
    assert observe(SHORT, importing, CASE).error == {"kind": "slow", "limit": 0.1}


def test_it_can_be_caught_outside_the_block_only():
    with pytest.raises(OutOfTime), deadline(0.05):
        endless(0)
    with deadline(None):
        pass


CPU_CLOCK = """
import time
from autograder.observers.deadline import OutOfTime, count_cpu_time, deadline
count_cpu_time()
with deadline(0.3):
    time.sleep(0.6)  # waiting costs nothing
try:
    with deadline(0.3):
        while True:
            pass
except OutOfTime:
    print("stopped", time.process_time() < 5)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer of CPU time")
def test_limits_can_be_cpu_time():
    run = subprocess.run([sys.executable, "-c", CPU_CLOCK], capture_output=True, text=True, check=True)
    assert run.stdout == "stopped True\n"
