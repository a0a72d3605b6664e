"""What importing `autograder` gives, in every order, and what it does not load."""

import subprocess
import sys

import pytest

import autograder


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "before",
    [
        "import autograder",
        "import autograder.exercises",
        "import autograder.exercises.registry, autograder.cases, autograder.judge, autograder.case",
        "from autograder.exercises import load",
        "from autograder.cases import cases",
        "import autograder.checking",
        "import autograder; autograder.exercises(); import autograder.exercises.registry",
    ],
)
def test_the_functions_are_callable_in_every_order_of_imports(before):
    code = (
        f"{before}\nimport autograder\nassert isinstance(autograder.exercises(), list)\n"
        "assert all(map(callable, (autograder.case, autograder.cases, autograder.judge)))\n"
        "from autograder import *\nassert check is autograder.check and exercises is autograder.exercises"
    )
    run(code)


def test_every_public_name_is_there():
    for name in autograder.__all__:
        assert callable(getattr(autograder, name))
    assert {*autograder.__all__} <= {*dir(autograder)}
    with pytest.raises(AttributeError, match="module 'autograder' has no attribute 'cheque'"):
        autograder.cheque  # noqa: B018


def test_a_lesson_can_still_be_imported():
    run(
        "from autograder.exercises import of_topic; of_topic('infonce'); import autograder; autograder.exercises()"
    )


def test_the_students_side_loads_no_judge_no_exercises_and_no_references():
    code = (
        "import sys, autograder.observers\n"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in ('autograder', 'course_lib', 'torch')))"
    )
    for module in run(code).split():
        assert module == "autograder" or module.startswith(
            ("autograder.case", "autograder.observation", "autograder.observers")
        )


def test_the_public_names_load_without_torch():
    assert run("import sys, autograder; autograder.check; print('torch' in sys.modules)") == "False"


def test_every_exercise_of_the_index_is_found():
    from autograder.exercises import load

    assert autograder.exercises()
    for exercise_id in autograder.exercises():
        assert load(exercise_id).id == exercise_id
    for unknown in (
        "infonce.nothing",
        "nothing.clip_loss",
        "infonce",
        "",
        "../x.y",
        "infonce.explain_ceiling",
    ):
        with pytest.raises(KeyError):
            load(unknown)
