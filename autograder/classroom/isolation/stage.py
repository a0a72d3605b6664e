"""The last step before the warmed process: become an unprivileged user, then execute it.

A script, run by path: ``stage.py UID GID PROGRAM ARGUMENTS...``. A process that changes its user id without
a fresh exec after it stays closed to itself: it could not set up a user namespace.
"""

import ctypes
import os
import signal
import sys

uid, gid, *command = sys.argv[1:]
parent = os.getppid()
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
# Changing the user took this away from what bubblewrap had set: end when the parent does.
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == parent:
    os.execv(command[0], command)
