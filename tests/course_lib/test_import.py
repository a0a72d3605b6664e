"""Importing the package is free: torch and matplotlib load when they are first used."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import course_lib

ROOT = Path(course_lib.__file__).parents[1]


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_a_fresh_process_loads_neither_torch_nor_matplotlib():
    code = "import sys, course_lib; print(*sorted({'torch', 'matplotlib', 'numpy'} & set(sys.modules)))"
    assert python(code) == ""


def test_asking_what_there_is_loads_nothing():
    code = "import sys, course_lib; print('contrastive' in dir(course_lib), 'torch' in sys.modules)"
    assert python(code) == "True False"


def test_a_subpackage_loads_when_it_is_used():
    code = "import course_lib; print(course_lib.contrastive.clip_loss.__name__, course_lib.validate.__name__)"
    assert python(code) == "clip_loss course_lib.validate"


@pytest.mark.parametrize("name", course_lib.__all__)
def test_every_listed_name_exists(name):
    assert find_spec(f"course_lib.{name}") is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'course_lib' has no attribute 'kontrastive'"):
        course_lib.kontrastive  # noqa: B018
