"""Landlock: what this process and its children may open, connect to, and signal. Works without privileges."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from autograder.classroom.isolation.syscalls import PR_SET_NO_NEW_PRIVS, call, prctl

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
#: How many rights on files each version of the interface knows.
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
TCP = 0b11  # bind and connect, since version 4
SCOPES = 0b11  # abstract unix sockets and signals, since version 6


@cache
def version() -> int:
    """The version of the kernel's Landlock; 0 where there is none."""
    try:
        return call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


class Ruleset:
    """What is allowed; everything else that Landlock knows is denied once it is enforced."""

    def __init__(self) -> None:
        known = version()
        self.handled = (1 << RIGHTS.get(known, 16)) - 1
        fields = [self.handled, TCP, SCOPES][: 1 if known < 4 else 2 if known < 6 else 3]
        attributes = (ctypes.c_uint64 * len(fields))(*fields)
        self._fd = call("landlock_create_ruleset", attributes, ctypes.sizeof(attributes), 0)

    def allow(self, paths: Iterable[Path | str], rights: int) -> None:
        """Allow `rights` on each path, and on all below it. What does not exist is passed over."""
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                directory = stat.S_ISDIR(os.fstat(fd).st_mode)
                allowed = rights & self.handled & (-1 if directory else ON_FILES)
                rule = ctypes.create_string_buffer(
                    allowed.to_bytes(8, "little") + fd.to_bytes(4, "little"), 12
                )
                call("landlock_add_rule", self._fd, 1, rule, 0)
            finally:
                os.close(fd)

    def enforce(self) -> None:
        """Bind this process and all that it starts to the rules, for good."""
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        call("landlock_restrict_self", self._fd, 0)
        os.close(self._fd)
