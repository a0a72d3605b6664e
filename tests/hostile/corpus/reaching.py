"""Reaching out of the notebook to read: network, files, environment, descriptors, memory."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .checks import no_private_lines, no_solutions, nobody_called
from .making import insert

THEME = "reaching out"

#: Prints what of a text says more than the attack knew: what follows the known beginning of the secret.
HUNT = """
import re
def hunt(where, data):
    for found in set(re.findall(rb"@prefix@[ -~]{8,80}", data)):
        print("FOUND", where, found.decode())
"""

network = [
    Attack(
        "calls_tcp",
        THEME,
        "a TCP connection to 127.0.0.1",
        (insert("import socket\nwith socket.create_connection(('127.0.0.1', @port@), timeout=3) as s:\n    s.sendall(b'hostile-calls_tcp')"),),
        keeps=ALL,
        checks=(nobody_called,),
    ),
    Attack(
        "calls_udp",
        THEME,
        "a UDP packet to 127.0.0.1",
        (insert("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hostile-calls_udp', ('127.0.0.1', @port@))"),),
        keeps=ALL,
        checks=(nobody_called,),
    ),
    Attack(
        "calls_from_a_child",
        THEME,
        "a TCP connection from a child process",
        (
            insert(
                "import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"import socket; socket.create_connection(('127.0.0.1', @port@), timeout=3).sendall(b'hostile-calls_from_a_child')\"])"
            ),
        ),
        keeps=BEFORE,
        says=None,
        checks=(nobody_called,),
    ),
    Attack(
        "calls_a_door",
        THEME,
        "abstract UNIX sockets of other programs",
        (
            insert(
                "import socket\nfor line in open('/proc/net/unix'):\n    name = line.split()[-1]\n    if name.startswith('@hostile'):\n"
                "        s = socket.socket(socket.AF_UNIX)\n        s.connect('\\0' + name[1:])\n        s.sendall(b'hostile-calls_a_door')"
            ),
        ),
        keeps=ALL,
        checks=(nobody_called,),
    ),
]  # fmt: skip

reading = [
    Attack(
        "reads_solutions",
        THEME,
        "the instructor's sources, printed",
        (insert("print(open('@root@/solutions/01_infonce/infonce.py').read())"),),
        keeps=ALL,
        checks=(no_solutions,),
    ),
    Attack(
        "runs_the_solution",
        THEME,
        "the instructor's answers, read and run",
        (
            insert(
                "source = open('@root@/solutions/01_infonce/infonce.py').read()\n"
                "for cell in source.split('# %%'):\n"
                "    if cell.startswith(' solution=') and 'def ' in cell:\n        exec(cell.partition('\\n')[2])",
                before="check-clip_loss",
            ),
        ),
        base="stubs",
    ),
    Attack(
        "reads_the_neighbours",
        THEME,
        "all other submissions, printed",
        (
            insert(
                "import glob\nfor path in glob.glob('@classroom@/*/*/*/*.ipynb'):\n    text = open(path).read()\n    i = text.find('# This line ' + 'belongs to')\n    print(path, text[i:i + 90] if i >= 0 else '')"
            ),
        ),
        keeps=ALL,
        checks=(no_private_lines,),
    ),
    Attack(
        "reads_the_environment",
        THEME,
        "the environment: its own, of all processes it can see",
        (
            insert(
                HUNT + "import glob, os\nhunt('environ', repr(dict(os.environ)).encode())\n"
                "for path in glob.glob('/proc/*/environ'):\n"
                "    try:\n        hunt(path, open(path, 'rb').read())\n    except OSError:\n        pass"
            ),
        ),
        keeps=ALL,
    ),
    Attack(
        "reads_the_command_lines",
        THEME,
        "the command lines of all processes it can see",
        (
            insert(
                HUNT + "import glob\nfor path in glob.glob('/proc/*/cmdline'):\n"
                "    try:\n        hunt(path, open(path, 'rb').read().replace(b'\\0', b' '))\n    except OSError:\n        pass"
            ),
        ),
        keeps=ALL,
    ),
    Attack(
        "reads_descriptors",
        THEME,
        "every descriptor that it inherited",
        (
            insert(
                HUNT + "import os, stat\nfor fd in range(3, 256):\n"
                "    try:\n"
                "        mode = os.fstat(fd).st_mode\n"
                "        if stat.S_ISREG(mode):\n            hunt(fd, os.pread(fd, 50_000_000, 0))\n"
                "        if stat.S_ISDIR(mode):\n            print(fd, os.listdir(fd)[:20])\n"
                "    except OSError:\n        pass"
            ),
        ),
        keeps=ALL,
    ),
    Attack(
        "reads_its_heap",
        THEME,
        "its own memory, what was freed in it included",
        (
            insert(
                HUNT + "for line in open('/proc/self/maps'):\n"
                "    span, rights = line.split()[:2]\n"
                "    if rights.startswith('rw') and '[v' not in line:\n"
                "        start, end = (int(x, 16) for x in span.split('-'))\n"
                "        with open('/proc/self/mem', 'rb', 0) as memory:\n"
                "            memory.seek(start)\n"
                "            try:\n                hunt('heap', memory.read(min(end - start, 64 << 20)) or b'')\n            except OSError:\n                pass"
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
    Attack(
        "reads_the_memory_of_others",
        THEME,
        "the memory of all processes it can see",
        (
            insert(
                HUNT + "import os\nfor pid in filter(str.isdigit, os.listdir('/proc')):\n"
                "    if int(pid) == os.getpid(): continue\n"
                "    try:\n"
                "        lines = [line for line in open(f'/proc/{pid}/maps') if ' rw' in line and '[heap]' in line]\n"
                "        with open(f'/proc/{pid}/mem', 'rb', 0) as memory:\n"
                "            for line in lines:\n"
                "                start, end = (int(x, 16) for x in line.split()[0].split('-'))\n"
                "                memory.seek(start)\n                hunt(pid, memory.read(min(end - start, 64 << 20)) or b'')\n"
                "    except OSError:\n        pass"
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
    Attack(
        "reads_what_grading_left",
        THEME,
        "folders of graders and other students, in temporary places",
        (
            insert(
                HUNT + "import glob, os\n"
                "for place in ('/tmp', '/var/tmp', '/dev/shm', '/run', '..', os.path.expanduser('~')):\n"
                "    for path in glob.glob(place + '/*/**', recursive=True)[:3000]:\n"
                "        try:\n            hunt(path, open(path, 'rb').read(2_000_000)) if os.path.isfile(path) else None\n        except OSError:\n            pass"
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
]  # fmt: skip

attacks = [*network, *reading]
