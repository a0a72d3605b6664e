"""Writing where nothing of a student's is: gradebook, files outside, neighbours, libraries."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .checks import lacks, no_script
from .making import beside, insert

THEME = "writing outside"

#: Rewrites what nbgrader keeps: every student's manual score, and the best one for the attacker.
GRADEBOOK = """
import sqlite3
with sqlite3.connect("@gradebook@", timeout=5) as book:
    book.execute("UPDATE grade SET manual_score = 77 WHERE id IN (SELECT id FROM grade ORDER BY id LIMIT 40)")
    print("ROWS", book.total_changes)
"""

writing = [
    Attack("rewrites_the_gradebook", THEME, "sqlite3 on the gradebook: manual scores", (insert(GRADEBOOK),), alone=True, keeps=ALL),
    Attack(
        "locks_the_gradebook",
        THEME,
        "sqlite3 on the gradebook: a lock, for 30 seconds, from a daemon",
        (
            insert(
                "import os, sqlite3, time\nif os.fork() == 0:\n    os.setsid()\n"
                "    book = sqlite3.connect('@gradebook@', timeout=1, isolation_level=None)\n"
                "    book.execute('BEGIN EXCLUSIVE')\n    time.sleep(30)\n    os._exit(0)"
            ),
        ),
        alone=True, keeps=BEFORE,
        says=None,
    ),
    Attack("truncates_the_gradebook", THEME, "the gradebook emptied", (insert("open('@gradebook@', 'r+b').truncate(0)"),), alone=True, keeps=ALL),
    Attack(
        "writes_everywhere",
        THEME,
        "files into the clone, the lesson, the submissions, and a file outside",
        (
            insert(
                "import os\nfor place in ('@root@', '@classroom@', '@root@/solutions/01_infonce', '@classroom@/submitted/@victim@/01_infonce', '@classroom@/autograded'):\n"
                "    try:\n        open(place + '/hostile-writes_everywhere.py', 'w').write('import os')\n    except OSError as error:\n        print(error.strerror)\n"
                "open('@canary@', 'w').write('changed')"
            ),
        ),
        alone=True, keeps=ALL,
    ),
    Attack(
        "changes_modes",
        THEME,
        "chmod and utime on a file outside",
        (
            insert(
                "import os\nfor do in (lambda: os.chmod('@canary@', 0o600), lambda: os.utime('@canary@', (0, 0)), lambda: os.setxattr('@canary@', 'user.hostile', b'1')):\n"
                "    try:\n        do()\n    except OSError as error:\n        print(error.strerror)"
            ),
        ),
        alone=True, keeps=ALL,
    ),
    Attack("removes_a_file", THEME, "a file outside removed", (insert("import os\nos.remove('@canary@')"),), alone=True, keeps=ALL),
    Attack(
        "changes_the_neighbour",
        THEME,
        "another student's submission overwritten",
        (
            insert(
                "path = '@classroom@/submitted/@victim@/01_infonce/infonce.ipynb'\ntext = open(path).read()\nopen(path, 'w').write(text.replace('return', 'return None  #'))"
            ),
        ),
        alone=True, keeps=ALL,
    ),
    Attack(
        "changes_the_library",
        THEME,
        "course_lib and the interpreter's packages overwritten (a comment, if it can)",
        (
            insert(
                "import course_lib, os\nfolder = os.path.dirname(course_lib.__file__)\nprint('WRITABLE', os.access(folder, os.W_OK))"
            ),
        ),
        keeps=ALL,
        checks=(lacks("WRITABLE True", "the course's library was writable: said"),),
    ),
    Attack(
        "mounts",
        THEME,
        "a mount, a new user namespace, a change of root",
        (
            insert(
                "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nprint('UNSHARED', libc.unshare(0x10020000))\n"
                "print('MOUNTED', libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.umount2(b'/proc', 2))\n"
                "print('ROOTED', libc.chroot(b'/'))\nprint('IDS', libc.setuid(0))\ntry:\n    print(os.listdir('/proc/1/root@root@'))\nexcept OSError as error:\n    print(error.strerror)"
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
]  # fmt: skip

neighbours = [
    Attack("plants_a_module", THEME, "files beside that stand in for libraries", tuple(beside(f"{name}.py", "raise SystemExit('planted')") for name in ("json", "socket", "struct", "numpy", "torch", "course_lib", "sitecustomize", "usercustomize")), keeps=frozenset(), says=None),
    Attack("plants_a_configuration", THEME, "files beside that stand in for nbgrader's and IPython's configuration", (beside("nbgrader_config.py", "raise SystemExit('planted')"), beside("ipython_config.py", "raise SystemExit('planted')"), beside(".ipython/profile_default/startup/00.py", "raise SystemExit('planted')"), beside("conftest.py", "raise SystemExit('planted')")), keeps=ALL, says=None, checks=(no_script,)),
]  # fmt: skip

attacks = [*writing, *neighbours]
