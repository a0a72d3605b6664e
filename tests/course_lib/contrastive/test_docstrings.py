"""The examples in the docstrings run, and say what comes out."""

import doctest
import importlib
import pkgutil

import pytest

from course_lib import contrastive

MODULES = [f"{contrastive.__name__}.{module.name}" for module in pkgutil.iter_modules(contrastive.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
