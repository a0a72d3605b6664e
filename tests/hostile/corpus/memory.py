"""Memory, files and shared memory. Nothing takes more than its own limit."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .checks import lacks, small
from .making import answer, insert

THEME = "memory and disk"
LIMIT = 12_000_000  # bytes of a notebook or of its feedback

attacks = [
    Attack(
        "allocates_8_gb",
        THEME,
        "8 GB of memory in one process",
        (insert("held = []\nfor _ in range(128):\n    held.append(b'\\1' * (64 << 20))\nprint(len(held))\nheld.clear()"),),
        keeps=BEFORE,
        says=frozenset({"memory"}),
        harmless_to_stock=False,
    ),
    Attack(
        "allocates_in_children",
        THEME,
        "3 GB in eight processes, little in each",
        (
            insert(
                "import os, time\n"
                "children = []\n"
                "for _ in range(8):\n"
                "    child = os.fork()\n"
                "    if child == 0:\n"
                "        held = b'\\1' * (400 << 20)\n        time.sleep(8)\n        os._exit(0)\n"
                "    children.append(child)\n"
                "[os.waitpid(child, 0) for child in children]"
            ),
        ),
        keeps=BEFORE,
        says=frozenset({"memory"}),
        harmless_to_stock=False,
    ),
    Attack(
        "allocates_shared",
        THEME,
        "3 GB of shared memory, which no process's own count shows",
        (
            insert(
                "import os\nfd = os.memfd_create('held')\nfor _ in range(48):\n    os.write(fd, b'\\1' * (64 << 20))\n"
                "print(os.fstat(fd).st_size)\nos.close(fd)"
            ),
        ),
        keeps=BEFORE,
        says=None,
        harmless_to_stock=False,
    ),
    Attack(
        "holds_in_sockets",
        THEME,
        "1 GB in the buffers of sockets, which is no process's memory",
        (
            insert(
                "import socket\nheld, sent = [], 0\nwhile sent < 1 << 30 and len(held) < 200:\n"
                "    held.append(socket.socketpair())\n    one = held[-1][0]\n    one.setblocking(False)\n"
                "    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 28)\n"
                "    try:\n        while sent < 1 << 30:\n            sent += one.send(bytes(1 << 16))\n"
                "    except BlockingIOError:\n        pass\nprint('HELD', sent >> 28)\nheld.clear()"
            ),
        ),
        keeps=ALL,
        harmless_to_stock=False,
        checks=(lacks("HELD 1", "more than 256 MB in sockets"), lacks("HELD 2", "512 MB in sockets"), lacks("HELD 4", "1 GB in sockets")),
    ),
    Attack(
        "pins_pages_in_pipes",
        THEME,
        "1 GB of huge pages that only pipes still refer to",
        (
            insert(
                "import ctypes, mmap, os\nlibc, huge, pinned = ctypes.CDLL(None), 2 << 20, 0\npipes = []\n"
                "for place in range(512):\n"
                "    if place % 14 == 0:\n        pipes.append(os.pipe())\n"
                "    block = mmap.mmap(-1, 2 * huge, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
                "    block.madvise(14)\n    view = (ctypes.c_char * (2 * huge)).from_buffer(block)\n"
                "    start = -(-ctypes.addressof(view) // huge) * huge\n    ctypes.memset(start, 1, huge)\n"
                "    piece = (ctypes.c_size_t * 2)(start, 4096)\n"
                "    pinned += libc.vmsplice(pipes[-1][1], ctypes.byref(piece), 1, 2) == 4096\n"
                "    del view\n    block.close()\nprint('PINNED', pinned)"
            ),
        ),
        keeps=ALL,
        harmless_to_stock=False,
        checks=(lacks("PINNED 512", "1 GB of pages"),),
    ),
    Attack(
        "fills_shared_memory",
        THEME,
        "600 MB in /dev/shm",
        (
            insert(
                "import os\nfor i in range(10):\n    with open(f'/dev/shm/hostile-fills_shared_memory-{i}', 'wb') as file:\n"
                "        file.write(b'\\1' * (60 << 20))\nprint('SHARED', 600)\n"
                "for i in range(10):\n    os.remove(f'/dev/shm/hostile-fills_shared_memory-{i}')"
            ),
        ),
        keeps=BEFORE,
        says=None,
        harmless_to_stock=False,
    ),
    Attack(
        "fills_the_disk",
        THEME,
        "1 GB of files in its folder, in /tmp and at home",
        (
            insert(
                "import os, pathlib\nfor place in ('.', '/tmp', os.path.expanduser('~')):\n"
                "    for i in range(12):\n"
                "        try:\n"
                "            pathlib.Path(place, f'hostile-fills_the_disk-{i}').write_bytes(b'\\1' * (28 << 20))\n"
                "        except OSError as error:\n            print(place, i, error.strerror)\n            break"
            ),
        ),
        keeps=BEFORE,
        says=None,
        harmless_to_stock=False,
        checks=(small(LIMIT),),
    ),
    Attack(
        "makes_many_files",
        THEME,
        "100,000 empty files",
        (
            insert(
                "import os\nos.makedirs('many', exist_ok=True)\nfor i in range(100_000):\n    open(f'many/{i}', 'w').close()"
            ),
        ),
        keeps=BEFORE,
        says=None,
        harmless_to_stock=False,
    ),
    Attack(
        "returns_a_huge_view",
        THEME,
        "an answer whose result claims 8 TB",
        (
            answer(
                "clip_loss",
                "def clip_loss(image_features, text_features, logit_scale):\n"
                "    return logit_scale.detach().expand(10**6, 10**6)",
            ),
        ),
        earns={"clip_loss": 0.0},
        keeps=ALL,
        says=None,
    ),
    Attack(
        "grows_with_every_call",
        THEME,
        "an answer that keeps 300 MB at each call, while it is looked at",
        (
            answer(
                "clip_loss",
                "kept = []\ndef clip_loss(image_features, text_features, logit_scale):\n"
                "    if len(kept) < 24:\n        kept.append(b'\\1' * (300 << 20))\n    return logit_scale",
            ),
        ),
        earns={"clip_loss": 0.0},
        keeps=BEFORE,
        says=None,
        harmless_to_stock=False,
    ),
]  # fmt: skip
