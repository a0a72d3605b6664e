"""Programs of every kind of misfortune, judged in real processes."""

import sys

import pytest

from drills import judging

EXERCISE = "infonce.l2_normalize"
RIGHT = "def l2_normalize(x, eps):\n    return x / x.norm(dim=1, keepdim=True).clamp_min(eps)\n"
WRONG = "def l2_normalize(x, eps):\n    return x / x.norm(dim=0, keepdim=True).clamp_min(eps)\n"


def sentence_of(program, **options):
    judged = judging.judge(EXERCISE, program, **options)
    assert not judged.passed
    assert judged.credit == 0
    assert judged.misconception is None
    return judged.text


def test_a_right_program_passes():
    judged = judging.judge(EXERCISE, RIGHT)
    assert (judged.passed, judged.credit, judged.misconception) == (True, 1.0, None)
    assert "passed" in judged.text.splitlines()[0]


def test_no_end_of_a_hint_is_left_where_its_title_is_long():
    judged = judging.judge(
        "affine_quantization.int_matmul", "def int_matmul(**_):\n    raise NotImplementedError()\n"
    )
    assert "Nothing is written yet" in judged.text
    assert "hint(" not in judged.text


def test_a_mistake_is_named_and_no_hint_is_offered():
    judged = judging.judge(EXERCISE, WRONG)
    assert (judged.passed, judged.misconception) == (False, "infonce.l2_normalize:batch_axis")
    assert 0 <= judged.credit < 1
    assert "LOOKS LIKE" in judged.text
    assert "SEE" not in judged.text
    assert max(map(len, judged.text.splitlines())) <= 74  # a terminal shows it set in


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("def l2_normalize(x, eps:\n    return x", "Line 1 is not Python: "),
        ("x = '\0'", "null byte"),
        ("x = '\ud800'", "cannot be read as Python"),
        ("(" * 5000, "not Python|cannot be read"),
    ],
)
def test_what_is_no_program_starts_no_process(program, says, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere")
    text = sentence_of(program)
    assert any(one in text for one in says.split("|"))
    assert len(text) < 300


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("def normalise(x, eps):\n    return x\n", "it does not define l2_normalize"),
        ("l2_normalize = 3\n", "l2_normalize is not callable"),
        ("import sys\nsys.exit(0)\n", "ends itself with exit()"),
        ("import os\nos._exit(0)\n", "ended its process (status 0)"),
        ("x = 1 / 0\n", "raises ZeroDivisionError while it is read, in line 1 (x = 1 / 0): division by zero"),
    ],
)
def test_what_defines_nothing_gets_one_clear_sentence(program, says):
    text = sentence_of(program)
    assert says in text
    assert len(text.splitlines()) == 1


@pytest.mark.slow
def test_exit_within_the_function_is_told_by_the_verdict():
    assert "SystemExit" in sentence_of("def l2_normalize(x, eps):\n    exit()\n")


@pytest.mark.slow
def test_a_flood_of_output_does_no_harm():
    flood = "for _ in range(2000):\n    print('x' * 10_000)\n" + RIGHT
    assert judging.judge(EXERCISE, flood).passed


@pytest.mark.slow
def test_a_starter_that_is_handed_in_is_not_attempted():
    assert "not attempted" in sentence_of("def l2_normalize(x, eps):\n    raise NotImplementedError\n")


def test_an_endless_loop_is_stopped_by_the_limit_of_the_process():
    # Python can interrupt neither C code nor a process that has not started yet: only the process's end helps.
    loop = "import itertools\nsum(itertools.repeat(0))\n"
    assert "stopped after 2 s" in sentence_of(loop, seconds=2.0)


@pytest.mark.slow
def test_an_endless_loop_while_loading_is_told_apart_from_one_in_the_function():
    assert "outside every function" in sentence_of("while True:\n    print('x')\n")
    assert "had not finished" in sentence_of("def l2_normalize(x, eps):\n    while True:\n        pass\n")


@pytest.mark.slow
def test_an_exercise_that_is_not_installed_is_no_fault_of_the_program():
    assert "This installation has no exercise" in judging.judge("tea.brew", "def brew():\n    pass\n").text


@pytest.mark.slow
def test_what_the_program_writes_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert judging.judge(EXERCISE, "open('litter.txt', 'w').close()\n" + RIGHT).passed
    assert not list(tmp_path.iterdir())
