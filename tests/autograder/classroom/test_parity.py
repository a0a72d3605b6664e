"""What a notebook shows when a class is graded is what it shows in a real kernel."""

import json
import re

import nbformat
import pytest

from autograder.classroom.student.shell import KERNEL_MAGICS
from autograder.notebooks.execution import run as run_in_kernel
from autograder.notebooks.source import sources

from .conftest import ROOT, assignment_of, lesson, solved, submission

pytestmark = pytest.mark.notebook

#: Nobody's progress is shown while a class is graded.
OURS = ("status()", "hint(")
ODD = [
    "1/0",
    "print('out'); 7",
    "def f(:\n    3",
    "import asyncio\nawait asyncio.sleep(0)\nasyncio.get_running_loop().is_running()",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.plot([3, 1]);",
    "shown = display('a', display_id=True)\nshown.update('b')",
    "from IPython.display import clear_output\nprint(1)\nclear_output()\nprint(2)",
    "try:\n    input('a question')\nexcept Exception as error:\n    print(type(error).__name__, error)",
    "raise SystemExit(3)",
    "import os\n_ = os.system('echo from elsewhere')",
    "!echo from elsewhere",
    "%%bash\necho from bash",
    "lines = !echo kept\nlines",
    "import sys; print('aside', file=sys.stderr)",
    "from IPython.display import HTML, SVG, Markdown, Latex, Image\ndisplay(HTML('<b>x</b>'), Markdown('*y*'), Latex('$z$'))",
    "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\nPoint(1)",
    "_ + Out[2] if isinstance(_, int) else In[2]",
    "class Odd:\n    def __repr__(self):\n        raise ValueError('no repr')\nOdd()",
    "'\\ud800'",
    "print('a' * 10, end='')\nprint('b')",
    "get_ipython().run_cell('print(5)');",
    "%%capture kept\nprint('kept')",
    "kept.stdout",
    "import warnings; warnings.warn('careful', stacklevel=1)",
]


def normal(outputs):
    """Without what differs from run to run: names of widgets, addresses, processes, where a stream is cut."""
    text = json.dumps(joined(outputs), sort_keys=True)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", re.sub(r"\b[0-9a-f]{32}\b", "ID", text))
    text = text.replace(r"\r\n", r"\n")  # a kernel's commands print to a terminal
    return json.loads(re.sub(r"(/\w+)+/ipykernel_\d+", "/tmp/ipykernel_PID", text))


def joined(outputs):
    """With neighbouring pieces of a stream as one: a kernel sends what is there when its timer fires."""
    whole = []
    for output in outputs:
        last = whole[-1] if whole else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            whole[-1] = {**last, "text": last["text"] + output["text"]}
        else:
            whole.append(dict(output))
    return whole


def compare(source, notebook, grader, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    monkeypatch.delenv(
        "PYTEST_CURRENT_TEST", raising=False
    )  # with it, a kernel does not show what others print
    real = run_in_kernel(notebook)
    assignment = assignment_of(source.lesson)
    # Without hidden cases: a kernel here has none, and verdicts count their checks.
    result = grader(submission(assignment, **{source.path.stem: notebook}), assignment, key=b"")
    assert result.outcome.problems == []
    ours = nbformat.reads(result.files[f"{source.path.stem}.ipynb"].decode(), as_version=4)
    assert len(ours.cells) == len(real.cells)
    for got, want in zip(ours.cells, real.cells, strict=True):
        if got.cell_type == "code" and not got.source.startswith(OURS):
            assert normal(got.outputs) == normal(want.outputs), got.source
            assert got.execution_count == want.execution_count
    return result


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            source, id=source.path.stem, marks=[] if source.topic == "infonce" else [pytest.mark.slow]
        )
        for source in sources(ROOT / "solutions")
    ],
)
def test_a_solved_lesson_shows_what_it_shows_in_a_kernel(source, grader, monkeypatch):
    result = compare(source, solved(source), grader, monkeypatch)
    graded = [one for one in result.outcome.notebooks if one.name == source.path.stem]
    assert all(grade.score == grade.points for one in graded for grade in one.grades if grade.exercise)


def test_odd_cells_show_what_they_show_in_a_kernel(grader, monkeypatch):
    (source,) = lesson("00_start_here")
    notebook = solved(source)
    notebook.cells += [nbformat.v4.new_code_cell(text) for text in ODD]
    compare(source, notebook, grader, monkeypatch)


@pytest.mark.parametrize(
    "text",
    [
        "get_ipython().kernel.session",
        *(f"%{magic}" for magic in KERNEL_MAGICS[:1]),
        "shown.update('changed later')",
    ],
)
def test_a_cell_that_needs_a_kernel_gets_one(grader, text):
    (source,) = lesson("00_start_here")
    notebook = solved(source)
    first = "shown = display('first', display_id='name')"
    notebook.cells += [nbformat.v4.new_code_cell(text) for text in (first, text)]
    result = grader(
        submission(assignment_of(source.lesson), start_here=notebook), assignment_of(source.lesson)
    )
    assert [problem.kind for problem in result.outcome.problems] == ["kernel"]
    assert result.outcome.status == "graded"
    assert all(grade.score == grade.points for grade in result.outcome.notebooks[0].grades)
    ours = nbformat.reads(result.files["start_here.ipynb"].decode(), as_version=4)
    assert not [output for output in ours.cells[-1].outputs if output.output_type == "error"]
    changed = text.startswith("shown")
    assert ("changed later" if changed else "first") in str(ours.cells[-2].outputs)
