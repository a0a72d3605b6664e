"""Isolating a student's processes: launched afresh, entered layer by layer, watched and killed as a whole.

Linux only; each layer is independent of the others, and those that are missing are reported. What runs
on the student's side needs nothing but the standard library.
"""

from autograder.classroom.isolation.canaries import Finding, Findings, canaries, describe
from autograder.classroom.isolation.entering import Entered, enter, prepare
from autograder.classroom.isolation.launching import IsolationError, Warmed, launch
from autograder.classroom.isolation.layers import ALL, LAYERS, Layer, missing
from autograder.classroom.isolation.limits import Bounds, Limits
from autograder.classroom.isolation.readable import readable_paths
from autograder.classroom.isolation.watch import Usage, Watch

__all__ = [
    "ALL",
    "LAYERS",
    "Bounds",
    "Entered",
    "Finding",
    "Findings",
    "IsolationError",
    "Layer",
    "Limits",
    "Usage",
    "Warmed",
    "Watch",
    "canaries",
    "describe",
    "enter",
    "launch",
    "missing",
    "prepare",
    "readable_paths",
]
