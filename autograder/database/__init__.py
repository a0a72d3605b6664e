"""SQLite files that survive: locked, read-only, damaged, of an older or a newer version.

What progress, drills and the grader's ledger have in common. Each of them only says which tables its file
has, and what it wants to be told to its reader.
"""

from autograder.database.backups import set_aside
from autograder.database.faults import Damaged, Foreign, Newer, UnknownSchema, is_busy, is_damage, reason
from autograder.database.file import File
from autograder.database.layout import Layout
from autograder.database.location import graded, location
from autograder.database.snapshot import snapshot

__all__ = [
    "Damaged",
    "File",
    "Foreign",
    "Layout",
    "Newer",
    "UnknownSchema",
    "graded",
    "is_busy",
    "is_damage",
    "location",
    "reason",
    "set_aside",
    "snapshot",
]
