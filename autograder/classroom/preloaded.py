"""What graders share before they are forked: importing this loads the judge, which takes seconds, once.

No notebook is ever in this process, and no thread: torch stays with one, so that a fork of it can compute.
"""

import autograder.classroom.quick  # noqa: I001  # before the others
import torch

import autograder.asking
import autograder.checking
import autograder.classroom.grading  # noqa: F401

from autograder.classroom.student.pages import collapse

torch.set_num_threads(1)
collapse()
