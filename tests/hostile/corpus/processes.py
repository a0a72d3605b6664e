"""Processes that end, multiply, stay, or break what they run in. All of them stop by themselves."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .checks import nobody_left
from .making import answer, in_answer, insert

THEME = "processes"

attacks = [
    Attack("os_exit", THEME, "os._exit in a cell", (insert("import os\nos._exit(0)"),), keeps=BEFORE, says=frozenset({"crashed"})),
    Attack(
        "os_exit_in_answer",
        THEME,
        "os._exit inside an answer",
        (answer("clip_loss", in_answer("import os\nos._exit(0)")),),
        earns={"clip_loss": 0.0},
        keeps=BEFORE,
        says=frozenset({"crashed"}),
    ),
    Attack("system_exit", THEME, "raise SystemExit", (insert("raise SystemExit(0)"),), keeps=ALL, says=None),
    Attack(
        "segfault",
        THEME,
        "a read at address 0",
        (insert("import ctypes\nctypes.string_at(0)"),),
        keeps=BEFORE,
        says=frozenset({"crashed"}),
    ),
    Attack("aborts", THEME, "os.abort", (insert("import os\nos.abort()"),), keeps=BEFORE, says=frozenset({"crashed"})),
    Attack(
        "kills_itself",
        THEME,
        "SIGKILL to its own process",
        (insert("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),),
        keeps=BEFORE,
        says=frozenset({"crashed"}),
    ),
    Attack(
        "recurses",
        THEME,
        "recursion without a limit, through the C stack",
        (insert("import sys\nsys.setrecursionlimit(10**9)\nclass R:\n    def __repr__(self): return repr(self)\nrepr(R())\nf = lambda: f()\nf()"),),
        keeps=BEFORE,
        says=None,  # whether Python notices depends on its version
    ),
    Attack(
        "fork_bomb",
        THEME,
        "processes that fork processes (at most 584 here, for 20 seconds)",
        (
            insert(
                "import os, time\n"
                "def bomb(depth):\n"
                "    for _ in range(8):\n"
                "        if os.fork() == 0:\n"
                "            try:\n"
                "                if depth < 3:\n                    bomb(depth + 1)\n"
                "            except OSError:\n                pass\n"
                "            time.sleep(20)\n            os._exit(0)\n"
                "bomb(1)"
            ),
        ),
        keeps=BEFORE,
        says=frozenset({"processes"}),
        harmless_to_stock=False,
    ),
    Attack(
        "fork_bomb_in_answer",
        THEME,
        "the same, while its answer is looked at",
        (
            answer(
                "clip_loss",
                in_answer(
                    "import os, time\n"
                    "for _ in range(400):\n"
                    "    if os.fork() == 0:\n"
                    "        time.sleep(20)\n        os._exit(0)\n"
                ),
            ),
        ),
        earns={"clip_loss": 0.0},
        keeps=BEFORE,
        says=frozenset({"processes"}),
        harmless_to_stock=False,
    ),
    Attack(
        "thread_bomb",
        THEME,
        "2,000 threads",
        (
            insert(
                "import threading, time\n"
                "for _ in range(2000):\n    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()"
            ),
        ),
        keeps=BEFORE,
        says=frozenset({"processes"}),
        harmless_to_stock=False,
    ),
    Attack(
        "leaves_a_child",
        THEME,
        "a child that keeps its output open long after the notebook",
        (
            insert(
                "import subprocess, sys\n"
                "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)', 'hostile-leaves_a_child'])"
            ),
        ),
        keeps=ALL,
        says=None,
        checks=(nobody_left,),
    ),
    Attack(
        "leaves_a_daemon",
        THEME,
        "a process forked twice, in a session of its own, that stays",
        (
            insert(
                "import os, subprocess, sys\n"
                "if os.fork() == 0:\n"
                "    os.setsid()\n"
                "    if os.fork() == 0:\n"
                "        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(100)', 'hostile-leaves_a_daemon'])\n"
                "    os._exit(0)\n"
                "os.wait()"
            ),
        ),
        keeps=ALL,
        says=None,
        checks=(nobody_left,),
    ),
    Attack(
        "many_threads_in_torch",
        THEME,
        "torch.set_num_threads(64) and a large product, before its answers are looked at",
        (
            insert(
                "import torch\ntorch.set_num_threads(64)\nx = torch.randn(600, 600)\nfor _ in range(3):\n    x = (x @ x).tanh()"
            ),
        ),
        keeps=ALL,
        says=None,
    ),
    Attack(
        "many_threads_in_answer",
        THEME,
        "torch.set_num_threads(8) and large operations inside an answer that is right",
        (
            insert("import torch\ntorch.set_num_threads(8)\ntorch.ones(2_000_000).exp().sum()", before="start"),
            answer(
                "clip_loss",
                """
                def clip_loss(image_features, text_features, logit_scale):
                    torch.set_num_threads(8)
                    torch.ones(2_000_000).exp().sum()
                    logits = logit_scale * image_features @ text_features.T
                    labels = torch.arange(len(logits))
                    images = torch.nn.functional.cross_entropy(logits, labels)
                    return (images + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
                """,
            ),
        ),
        keeps=ALL,
        says=None,
    ),
    Attack(
        "closes_descriptors",
        THEME,
        "every descriptor closed",
        (insert("import os\nos.closerange(0, 4096)"),),
        keeps=BEFORE,
        says=frozenset({"crashed", "protocol"}),
    ),
    Attack(
        "lowers_its_limits",
        THEME,
        "its own limits on files and descriptors set to 0",
        (insert("import resource\nfor what in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):\n    resource.setrlimit(what, (0, 0))"),),
        says=None,
    ),
    Attack(
        "clears_its_world",
        THEME,
        "no environment, no work folder, another default dtype, no gradients",
        (
            insert(
                "import os, shutil, torch, numpy\nshutil.rmtree(os.getcwd(), ignore_errors=True)\nos.environ.clear()\n"
                "torch.set_default_dtype(torch.float16)\ntorch.set_grad_enabled(False)\nnumpy.seterr(all='raise')"
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
]  # fmt: skip
