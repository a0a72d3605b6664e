"""What is measured of a command is that of all its processes."""

from __future__ import annotations

import os
import sys

from benchmarks.measured import measure

WORK = """
import subprocess, sys, time
burn = "import time; held = bytearray(b'1' * 80_000_000); end = time.process_time() + 0.8\\nwhile time.process_time() < end: pass"
children = [subprocess.Popen([sys.executable, "-c", burn]) for _ in range(2)]
time.sleep(0.1)
print("begun")
sys.exit(max(child.wait() for child in children) + 3)
"""


def test_children_count(tmp_path):
    run = measure([sys.executable, "-c", WORK], tmp_path, os.environ)
    assert run.code == 3
    assert run.said.strip() == "begun"
    assert run.cpu > 1.0
    assert run.wall > 0.8
    assert run.memory > 160_000_000
    assert run.processes == 3
