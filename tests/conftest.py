"""What holds for every test: one thread, nobody's progress, and no settings of a class."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads: workers share the cores
os.environ["COURSE_PROGRESS"] = "off"
for name in ("COURSE_SEED", "NBGRADER_EXECUTION"):
    os.environ.pop(name, None)
