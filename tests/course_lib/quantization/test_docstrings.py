"""The examples in the docstrings run, and say what comes out."""

import doctest
import importlib
import pkgutil

import pytest

from course_lib import quantization

INTERNAL = {"checks", "counts", "frozen", "kernels", "qat_layer"}  # nothing public lives in them
MODULES = [module.name for module in pkgutil.iter_modules(quantization.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(f"{quantization.__name__}.{name}"))
    assert results.failed == 0
    assert name in INTERNAL or results.attempted > 0
