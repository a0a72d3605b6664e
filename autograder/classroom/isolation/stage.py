"""The last step before the warmed process: a lifeline, an unprivileged user, then execute it.

A script, run by path: ``stage.py LIFELINE UID GID PROGRAM ARGUMENTS...``. A process that changes its user id
without a fresh exec after it stays closed to itself: it could not set up a user namespace.
"""

import fcntl
import os
import signal
import sys

number, uid, gid, *command = sys.argv[1:]
if os.geteuid() == 0 and uid != "0":
    os.setgroups([])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
# When the other end of this pipe closes, because the grader closes it or ends however it does, the kernel
# kills this process. A signal at the parent's death would be tied to the thread that started it, and is not
# sent to another user.
lifeline = int(number)
fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
try:
    closed = os.read(lifeline, 1) == b""
except BlockingIOError:
    closed = False
if not closed:
    os.execv(command[0], command)
