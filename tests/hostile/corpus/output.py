"""Too much to show, in every way in which a cell can show something."""

from __future__ import annotations

from .attack import ALL, BEFORE, Attack
from .checks import small
from .making import answer, insert

THEME = "output"
LIMIT = 12_000_000  # bytes of a notebook or of its feedback

attacks = [
    Attack(
        "prints_50_mb_on_one_line",
        THEME,
        "50 MB on one line",
        (insert("print('x' * 50_000_000)"),),
        keeps=ALL,
        says=frozenset({"output_cut"}),
        checks=(small(LIMIT),),
    ),
    Attack(
        "prints_many_lines",
        THEME,
        "three million lines",
        (insert("for i in range(300):\n    print('line after line\\n' * 10_000)"),),
        keeps=ALL,
        says=frozenset({"output_cut"}),
        checks=(small(LIMIT),),
    ),
    Attack(
        "displays_50000_times",
        THEME,
        "50,000 small outputs",
        (insert("from IPython.display import display\nfor i in range(50_000):\n    display(i)"),),
        keeps=BEFORE,
        says=frozenset({"output_cut", "timed_out"}),
        checks=(small(LIMIT),),
    ),
    Attack(
        "shows_a_huge_value",
        THEME,
        "a cell whose value is 50 MB of text",
        (insert("class Huge:\n    def __repr__(self):\n        return 'y' * 50_000_000\nHuge()"),),
        keeps=ALL,
        says=frozenset({"output_cut"}),
        checks=(small(LIMIT),),
    ),
    Attack(
        "raises_a_huge_message",
        THEME,
        "an exception with a message of 50 MB",
        (insert("raise ValueError('z' * 50_000_000)"),),
        keeps=ALL,
        says=frozenset({"output_cut"}),
        checks=(small(LIMIT),),
    ),
    Attack(
        "shows_a_huge_picture",
        THEME,
        "a picture of 40 MB",
        (
            insert(
                "import os\nfrom IPython.display import Image, display\ndisplay(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + os.urandom(40_000_000)))"
            ),
        ),
        keeps=ALL,
        says=frozenset({"output_cut"}),
        checks=(small(LIMIT),),
    ),
    Attack(
        "prints_below_python",
        THEME,
        "60 MB straight to descriptors 1 and 2, its own and a child's",
        (
            insert(
                "import os, subprocess, sys\nfor _ in range(30):\n    os.write(1, b'a' * 1_000_000)\n"
                "subprocess.run([sys.executable, '-c', 'import os\\nfor _ in range(30): os.write(2, b\"b\" * 1_000_000)'])"
            ),
        ),
        keeps=BEFORE,
        says=None,
        checks=(small(LIMIT),),
    ),
    Attack(
        "prints_half_a_pair",
        THEME,
        "characters that no file can hold: lone surrogates, NUL, escapes",
        (insert("from IPython.display import display\nprint('\\ud800\\x00\\x1b[2J\\x1b]0;title\\x07\\u202e')\ndisplay({'text/plain': '\\udfff', 'text/html': '\\ud800'}, raw=True)\nraise ValueError('\\udc80')"),),
        keeps=ALL,
        says=None,
    ),
    Attack(
        "prints_in_answer",
        THEME,
        "an answer that prints without end",
        (
            answer(
                "clip_loss",
                "def clip_loss(image_features, text_features, logit_scale):\n"
                "    for _ in range(400_000):\n        print('w' * 1000)\n    return logit_scale",
            ),
        ),
        earns={"clip_loss": 0.0},
        keeps=ALL,
        says=None,
        checks=(small(LIMIT),),
    ),
]  # fmt: skip
