"""Grading one submission: what it earns, what is said of it, and what one bad cell leaves of the others."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder.classroom import frames
from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.nbgrader_rules import utils

from .conftest import assignment_of, lesson, released, solved, submission

LESSON = "01_infonce"
QUICK = {"cell_seconds": 2.0, "wall_seconds": 12.0}


def answered(**answers):
    """The solved notebook of lesson 01, some answers replaced."""
    (source,) = lesson(LESSON)
    notebook = solved(source)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.pop(name, cell.source)
    assert not answers
    return notebook


def after(notebook, name, *sources):
    """The notebook with further cells after one of its cells."""
    place = next(i for i, cell in enumerate(notebook.cells) if cell.id == name)
    notebook.cells[place + 1 : place + 1] = [new_code_cell(source) for source in sources]
    return notebook


def graded(grader, notebook, **options):
    result = grader(submission(assignment_of(LESSON), infonce=notebook), assignment_of(LESSON), **options)
    (outcome,) = result.outcome.notebooks
    return result, {
        grade.grade_id.removeprefix("check-"): grade for grade in outcome.grades if grade.exercise
    }


def possible():
    return {
        c.grade_id.removeprefix("check-"): c.points
        for c in assignment_of(LESSON).notebooks[0].cells
        if c.exercise
    }


def scores(grades):
    return {name: grade.score for name, grade in grades.items()}


def shown(result, name):
    """Outputs of a cell in the autograded notebook."""
    notebook = nbformat.reads(result.files["infonce.ipynb"].decode(), as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.id == name]
    return cell.outputs


def kinds(result):
    return [problem.kind for problem in result.outcome.problems]


def test_an_untouched_notebook_earns_nothing_and_is_graded(grader):
    (source,) = lesson(LESSON)
    result, grades = graded(grader, released(source))
    assert scores(grades) == dict.fromkeys(possible(), 0.0)
    assert result.outcome.status == "graded"
    assert {grade.verdict["problem"] for grade in grades.values()} == {"unattempted"}
    (notebook,) = result.outcome.notebooks
    assert set(notebook.comments.values()) == {"No response."}


WRONG = """
def clip_loss(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))
"""


def test_a_mistake_is_named_in_the_cell_and_in_the_outcome(grader):
    result, grades = graded(grader, answered(clip_loss=WRONG))
    assert scores(grades) == possible() | {"clip_loss": 0.0}
    assert grades["clip_loss"].verdict["misconceptions"] == ("infonce.clip_loss:one_direction",)
    words, points = shown(result, "check-clip_loss")
    assert "LOOKS LIKE   one direction only" in words.text
    assert points.data["text/plain"] == "0.0"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("clip_loss = 3", "check() takes your function itself; this is an int."),
        ("del clip_loss", "name 'clip_loss' is not defined"),
        ("def clip_loss(:", "name 'clip_loss' is not defined"),
    ],
)
def test_what_is_no_answer_earns_nothing(grader, source, says):
    notebook = (
        after(answered(clip_loss=""), "clip_loss", source)
        if "del" not in source
        else answered(clip_loss=source)
    )
    result, grades = graded(grader, notebook)
    assert scores(grades) == possible() | {"clip_loss": 0.0}
    assert says in str(shown(result, "check-clip_loss"))


BAD = {
    "ends its process": ("import os; os._exit(0)", "crashed"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "crashed"),
    "never ends": ("while True: pass", "timed_out"),
    "swallows interrupts": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timed_out",
    ),
    "sleeps": ("import time; time.sleep(1000)", "timed_out"),
    "takes memory": (
        "x = bytearray(8 << 30)\nimport torch; y = [torch.ones(1 << 24) for _ in range(1000)]",
        None,
    ),
    "forks": (
        "import os\nfor _ in range(10_000):\n    if os.fork() == 0:\n        import time; time.sleep(60)",
        "processes",
    ),
    "fills the disk": ("f = open('big', 'wb')\nfor _ in range(4096): f.write(bytes(1 << 20))", None),
    "prints 50 MB": ("print('x' * 50_000_000)", "output_cut"),
}


LONG = ("swallows interrupts", "sleeps", "forks", "fills the disk")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in BAD]
)
def test_one_bad_cell_costs_nothing_else(grader, name):
    source, kind = BAD[name]
    notebook = after(answered(), "check-clip_loss", source)
    result, grades = graded(grader, notebook, **QUICK)
    assert scores(grades) == possible()
    if kind:
        assert kinds(result) == [kind]
        assert result.outcome.status == "graded with problems"
    assert sum(map(len, result.files.values())) < 10_000_000


def test_an_answer_that_never_ends_costs_its_own_points(grader):
    loop = "def clip_loss(image_features, text_features, logit_scale):\n    while True:\n        pass"
    _, grades = graded(grader, answered(clip_loss=loop), **QUICK)
    assert scores(grades) == possible() | {"clip_loss": 0.0}
    assert grades["clip_loss"].verdict["problem"] == "slow"


MEMORISED = """
from autograder.points import Points
SEEN = []
def clip_loss(image_features, text_features, logit_scale):
    given = round(float(image_features.sum()), 9)
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (torch.nn.functional.cross_entropy(logits, labels) + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
    if given not in PUBLIC:
        print("HIDDEN", image_features.tolist())
        raise ValueError(f"HIDDEN {image_features.tolist()}")
    return loss
"""


FORKS = """
def clip_loss(image_features, text_features, logit_scale):
    import os, time
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
    return logit_scale
"""


def test_too_many_processes_are_reported_though_the_answer_comes_between_two_looks(grader, monkeypatch):
    monkeypatch.setattr(frames, "_TICK", 60.0)  # as on a machine that has much else to do
    result, grades = graded(grader, answered(clip_loss=FORKS), processes=40)
    assert "processes" in kinds(result)
    assert grades["clip_loss"].score == 0.0


def test_an_answer_fitted_to_the_public_cases_fails_the_hidden_ones(grader):
    from autograder import cases
    from autograder.exercises import load

    public = {
        round(float(case.inputs["image_features"].sum()), 9) for case in cases(load("infonce.clip_loss"))
    }
    notebook = answered(clip_loss=f"PUBLIC = {public}\n{MEMORISED}")
    result, grades = graded(grader, notebook)
    assert scores(grades) == possible() | {"clip_loss": 0.0}
    assert grades["clip_loss"].hidden_failed
    assert "HIDDEN [" not in str(result.outcome.model_dump()).replace(notebook.cells[0].source, "")
    assert "HIDDEN [[" not in result.files["infonce.ipynb"].decode()
    without, _ = graded(grader, notebook, key=b""), None
    assert scores(without[1]) == possible()


FORGING = {
    "its own check": "import autograder.public\ndef check(*a):\n    print('passed'); return 99.0",
    "another autograder": "import sys, types\nsys.modules['autograder'] = types.ModuleType('autograder')",
    "points without work": "from autograder.points import Points\ncheck = lambda *a: Points(3.0, 3.0)",
    "an observer that lies": (
        "import autograder.classroom.student.answers as a\n"
        "from autograder.observation import Observation\nimport numpy as np\n"
        "a.observe = lambda *b: Observation(arrays={'loss': np.ones(())}, kinds={'loss': 'torch'}, dtypes={'loss': 'float64'})"
    ),
    "frames": (
        "import os, socket, stat\n"
        "for fd in map(int, os.listdir('/proc/self/fd')):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n"
        "            os.write(fd, b'\\x10\\0\\0\\0\\0\\0\\0\\0' + b'{\"header\":{}, \"arrays\": []}')\n"
        "    except OSError: pass"
    ),
    "a huge header": (
        "import os, stat\n"
        "for fd in map(int, os.listdir('/proc/self/fd')):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b'\\0\\0\\0\\0\\1\\0\\0\\0')\n"
        "    except OSError: pass"
    ),
}


@pytest.mark.parametrize("name", FORGING)
def test_forging_earns_nothing(grader, name):
    wrong = answered(clip_loss=f"{FORGING[name]}\n{WRONG}")
    _, grades = graded(grader, wrong)
    assert grades["clip_loss"].score == 0.0


def test_a_notebook_that_was_not_handed_in_or_cannot_be_read(grader):
    assignment = assignment_of("07_post_training")
    first, second = (source.path.stem for source in lesson("07_post_training"))
    result = grader(submission(assignment, **{first: b"{"}), assignment)
    assert result.outcome.status == "could not be graded"
    unread, missing = result.outcome.notebooks
    assert (unread.name, unread.graded, unread.grades) == (first, False, [])
    assert (missing.name, missing.graded, missing.grades) == (second, False, [])


def plain(*tests):
    """An assignment of other people's, with plain asserts, and the notebook as released."""
    cells = []
    for number, source in enumerate(tests):
        cell = new_code_cell(source)
        cell.metadata["nbgrader"] = {
            "grade": True, "grade_id": f"t{number}", "locked": True, "points": 2, "schema_version": 3,
            "solution": False, "task": False, "cell_type": "code",
        }  # fmt: skip
        cell.metadata.nbgrader["checksum"] = utils().compute_checksum(cell)
        cells.append(cell)
    specs = tuple(
        CellSpec(grade_id=c.metadata.nbgrader.grade_id, cell_type="code", source=c.source, locked=True, grade=True,
                 solution=False, points=2.0, checksum=c.metadata.nbgrader.checksum)
        for c in cells
    )  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=cells)
    return Assignment(name="plain", notebooks=(NotebookSpec(name="work", cells=specs),)), notebook


def test_plain_asserts_get_nbgraders_score_and_say_so(grader):
    tests = [
        "assert 1 + 1 == 2",
        "assert 1 + 1 == 3",
        "1.5",
        "import sys; print('x', file=sys.stderr)",
        "5.0",
    ]
    assignment, notebook = plain(*tests)
    result = grader(submission(assignment, work=notebook), assignment)
    grades = result.outcome.notebooks[0].grades
    assert [grade.score for grade in grades] == [2.0, 0.0, 1.5, 0.0, 0.0]
    assert all(grade.self_reported for grade in grades)
    assert kinds(result) == ["protocol"]  # 5 of 2 points, at which nbgrader stops
