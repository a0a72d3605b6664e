"""Exercises as students get them, as text; tests/course/test_pack.py installs them."""

from __future__ import annotations

import ast

import pytest

from autograder.classroom.stripping import AT_HOME, RUBRIC, StrippingError, strip_exercises
from autograder.exercises import explanation, load

NAME = "autograder.exercises.toy.one"


def strip(source: str, asked: object = None, name: str = NAME, **others: str) -> str:
    sources = {name: source} | {f"autograder.exercises.toy.{other}": text for other, text in others.items()}
    known = {one: asked or object() for one in sources}
    return strip_exercises(sources, known)[name]


SOURCE = '''"""A toy."""
import math
from functools import partial

from toys import half as half_of, whole


def _helper(x):
    return partial(whole, x)


def _used(x):
    return math.floor(x)


asked = Exercise("toy.one", cases=[_used], intermediates={"step": _helper}, hints=["half"])


@asked.misconception("wrong", says="You did.", asks="Did you?")
def wrong(x):
    return half_of(x)


@asked.also_correct("other")
class Other:
    pass


def _declare(name):
    def answer(x):
        return x

    asked.misconception(name, says="s", asks="a")(answer)


_declare("declared_by_a_function")
for _name in ("in", "loop"):
    asked.also_correct(_name)(_helper)
'''


def test_mistakes_model_answers_and_what_only_they_need_are_gone():
    made = strip(SOURCE)
    names = {node.id for node in ast.walk(ast.parse(made)) if isinstance(node, ast.Name)}
    for gone in (
        "wrong",
        "Other",
        "_helper",
        "_declare",
        "half_of",
        "partial",
        "whole",
        "declared_by",
        "intermediates",
    ):
        assert gone not in made
    assert {"asked", "_used", "math"} <= names
    assert "hints=['half']" in made
    assert ast.get_docstring(ast.parse(made)) == "A toy."


def test_what_another_exercise_imports_stays():
    other = "from autograder.exercises.toy.one import _helper\nasked = Exercise(cases=[_helper])\n"
    assert "def _helper" in strip(SOURCE, two=other)
    idle = "from autograder.exercises.toy.one import _helper\nasked = Exercise()\n"
    assert "_helper" not in strip(SOURCE, two=idle)


def test_a_function_that_picks_cases_by_mistakes_takes_all():
    source = SOURCE.replace(
        "def _used(x):\n    return math.floor(x)", "def _used(x) -> bool:\n    return wrong(x) > 1"
    )
    assert "def _used(x) -> bool:\n    return True" in strip(source)


def test_an_exercise_that_needs_its_mistakes_is_named():
    with pytest.raises(StrippingError, match=r"'def _used\(x\):' needs wrong"):
        strip(SOURCE.replace("return math.floor(x)", "return wrong(x)"))


def test_a_test_to_be_written_is_judged_on_right_implementations_alone():
    source = 'known = clip_loss.asked.misconceptions["summed"]\nasked = Exercise()\n'
    made = strip(source, load("infonce.test_clip_loss"), "autograder.exercises.infonce.test_clip_loss")
    assert "summed" not in made
    assert "a_good_test" not in made
    assert ast.literal_eval(ast.parse(made).body[-1].value.keywords[-1].value) == AT_HOME


def test_a_rubric_is_for_the_instructor():
    source = 'asked = Explanation("infonce.explain_ceiling", title="Explain", rubric=["the answer"], hints=["a"])\n'
    made = strip(
        source, explanation("infonce.explain_ceiling"), "autograder.exercises.infonce.explain_ceiling"
    )
    assert "the answer" not in made
    assert RUBRIC in made
