"""What holds for every test: one thread, nobody's progress, no settings of a class, no deadline of hypothesis."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("course", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("course")

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads: workers share the cores
os.environ["COURSE_PROGRESS"] = os.environ["COURSE_DRILLS"] = "off"
for name in ("COURSE_SEED", "NBGRADER_EXECUTION"):
    os.environ.pop(name, None)


@pytest.fixture
def bound_by_permissions():
    """Root may write anywhere, so root gives that up for the test."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions of folders are POSIX")
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp())  # pytest's own folders cannot be entered by another user
    folder.chmod(0o755)

    @contextmanager
    def bound():
        if root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)

    yield folder, bound
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)
