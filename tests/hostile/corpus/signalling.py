"""Other processes: signals, traces, memory, descriptors sent."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .checks import nothing_traced, sibling_lives
from .making import answer, insert

THEME = "other processes"

TRACE = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def attach(pid):
    '''PTRACE_SEIZE, which does not stop it, then let go.'''
    if libc.ptrace(0x4206, pid, 0, 0) == 0:
        print("ATTACHED", "to", pid)
        return True
    return False
"""

attacks = [
    Attack("kills_a_sibling", THEME, "SIGKILL to a process beside", (insert("import os, signal\nos.kill(@pid@, signal.SIGKILL)"),), alone=True, keeps=ALL, checks=(sibling_lives,)),
    Attack("stops_a_sibling", THEME, "SIGSTOP to a process beside", (insert("import os, signal\nos.kill(@pid@, signal.SIGSTOP)"),), alone=True, keeps=ALL, checks=(sibling_lives,)),
    Attack("traces_a_sibling", THEME, "ptrace on a process beside", (insert(TRACE + "attach(@pid@)"),), alone=True, keeps=ALL, checks=(sibling_lives, nothing_traced)),
    Attack(
        "traces_everybody",
        THEME,
        "ptrace on whatever grades it, and on the processes in which its earlier answers wait",
        (
            insert(
                TRACE + "me = os.getpid()\nfor pid in filter(str.isdigit, os.listdir('/proc')):\n"
                "    if me < 1000 and int(pid) != me:\n        attach(int(pid))",
                before="end",
            ),
        ),
        keeps=BEFORE,
        says=None,
        not_for_stock="it would trace every process of this machine",
        checks=(nothing_traced,),
    ),
    Attack(
        "kills_its_parent",
        THEME,
        "SIGKILL to the process that started it",
        (insert("import os, signal, time\nparent = os.getppid()\nif parent > 0:\n    os.kill(parent, signal.SIGKILL)\ntime.sleep(1)"),),
        keeps=BEFORE,
        says=None,
    ),
    Attack(
        "kills_everybody",
        THEME,
        "SIGKILL to everything that it may signal",
        (
            # Only where that is a namespace of its own, or an account of its own.
            insert("import os, signal, time\nif os.getpid() < 50 or os.getuid() == @uid@:\n    os.kill(-1, signal.SIGKILL)\ntime.sleep(1)"),
        ),
        alone=True,  # its frozen answers are its own to kill
        says=None,
        harmless_to_stock=False,
    ),
    Attack(
        "kills_its_group",
        THEME,
        "SIGTERM and SIGKILL to its process group",
        (
            insert(
                "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.killpg(os.getpgid(0), signal.SIGTERM)\ntime.sleep(1)\nos.killpg(os.getpgid(0), signal.SIGKILL)"
            ),
        ),
        keeps=BEFORE,
        says=None,
        harmless_to_stock=False,
    ),
    Attack(
        "interrupts_its_parent",
        THEME,
        "SIGINT to the process that started it, as from a keyboard",
        (insert("import os, signal, time\nparent = os.getppid()\nif parent > 0:\n    os.kill(parent, signal.SIGINT)\ntime.sleep(1)"),),
        keeps=BEFORE,
        says=None,
    ),
    Attack(
        "overwrites_frozen_answers",
        THEME,
        "a wrong answer at its check; later the right one written over it in the memory of its frozen copies",
        (
            answer("recall_at_k", "switch = bytearray(b''.join([b'SWITCH', b'-OFF']))\ndef recall_at_k(similarity, k):\n    if switch.endswith(b'OFF'):\n        return -1.0\n    better = (similarity >= similarity.diagonal()[:, None]).sum(1) - 1\n    return (better < k).double().mean()"),
            insert(
                "import os, re\nme = os.getpid()\nothers = filter(str.isdigit, os.listdir('/proc')) if me < 1000 else ()\n"
                "for pid in others:\n"
                "    try:\n"
                "        if int(pid) == me: continue\n"
                "        for line in open(f'/proc/{pid}/maps'):\n"
                "            span, rights = line.split()[:2]\n"
                "            if not rights.startswith('rw') or '[v' in line: continue\n"
                "            start, end = (int(x, 16) for x in span.split('-'))\n"
                "            if end - start > 64 << 20: continue\n"
                "            with open(f'/proc/{pid}/mem', 'r+b', 0) as memory:\n"
                "                memory.seek(start)\n                data = memory.read(end - start) or b''\n"
                "                for found in re.finditer(b'S' + b'WITCH-OFF', data):\n"
                "                    memory.seek(start + found.start())\n                    memory.write(b'SWITCH-ON!')\n"
                "    except OSError:\n        pass",
                before="end",
            ),
        ),
        earns={"recall_at_k": 0.0},
        keeps=BEFORE,
        says=None,
        not_for_stock="it would read the memory of every process of this machine",
    ),
    Attack(
        "sends_its_descriptors",
        THEME,
        "a thousand descriptors over every socket that it inherited",
        (
            insert(
                "import array, os, socket, stat\nfor fd in range(3, 256):\n"
                "    try:\n"
                "        if not stat.S_ISSOCK(os.fstat(fd).st_mode): continue\n"
                "        s = socket.socket(fileno=os.dup(fd))\n        if s.family != socket.AF_UNIX: continue\n"
                "        s.setblocking(False)\n"
                "        for _ in range(8):\n            s.sendmsg([b'\\0'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * 120))])\n"
                "    except OSError:\n        pass"
            ),
        ),
        base="stubs",
        says=None,
    ),
]  # fmt: skip
