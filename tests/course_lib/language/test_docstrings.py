"""The examples in the docstrings run, and say what comes out."""

import doctest
import importlib
import pkgutil

import pytest

from course_lib import language

WITHOUT_EXAMPLE = {"checks", "pretrained", "tokenizer"}  # not public, or in need of the fetched model
MODULES = [module.name for module in pkgutil.iter_modules(language.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(f"{language.__name__}.{name}"))
    assert results.failed == 0
    assert name in WITHOUT_EXAMPLE or results.attempted > 0


def test_all_is_sorted_and_real():
    assert sorted(language.__all__) == language.__all__
    assert all(hasattr(language, name) for name in language.__all__)
