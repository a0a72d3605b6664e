"""Who may import whom, read from the sources; and what importing a package loads, seen in fresh processes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ["course", "drills", "autograder", "course_lib"]  # each may import those after it
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in LAYERS
    for path in sorted((ROOT / package).rglob("*.py"))
}

# (importer, what it must not import, the exceptions among the importers)
RULES = [
    *((later, earlier, ()) for i, later in enumerate(LAYERS) for earlier in LAYERS[:i]),
    *((package, "tests", ()) for package in LAYERS),
    *((package, "benchmarks", ()) for package in LAYERS),
    *((package, "matplotlib", ("course_lib.figures",)) for package in LAYERS),
    *((package, "nbgrader", ("autograder.notebooks", "autograder.classroom")) for package in LAYERS),
    ("course_lib.contrastive", "course_lib.quantization", ()),
    ("course_lib.quantization", "course_lib.contrastive", ()),
    ("course_lib.data", "course_lib.contrastive", ()),
    ("course_lib.data", "course_lib.quantization", ()),
    ("course_lib.data", "course_lib.language", ()),
    ("course_lib.language", "course_lib.contrastive", ()),
    ("course_lib.language", "course_lib.quantization", ()),
    *(
        (f"autograder.{core}", forbidden, ())
        for core in ("exercise", "judge", "verdict", "observers")
        for forbidden in ("autograder.exercises", "course_lib")
    ),
]


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that `module` imports, wherever in its code, with what it takes from each."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]

    def found() -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in node.names)

    return frozenset(found())


@pytest.mark.parametrize(("importer", "forbidden", "exceptions"), RULES)
def test_imports_point_one_way(importer, forbidden, exceptions):
    wrong = [
        f"{module} imports {name}"
        for module in MODULES
        if inside(module, importer) and not any(inside(module, exception) for exception in exceptions)
        for name in imports(module)
        if inside(name, forbidden)
    ]
    assert not wrong


def test_the_reader_of_imports_sees_every_form(tmp_path, monkeypatch):
    source = tmp_path / "module.py"
    source.write_text(
        "import a.b as c\ndef f():\n    from .. import d\n    from .e import g\n    from h import i\n"
    )
    monkeypatch.setitem(MODULES, "top.package.probe", source)
    assert imports("top.package.probe") >= {"a.b", "top.d", "top.package.e", "h.i"}


def test_the_readers_of_a_fetched_model_load_when_it_is_read():
    assert not {"gguf", "tokenizers"} & loaded_by("import course_lib.language, course_lib.data, course.fetch")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "package",
    [
        "course.cli",
        "course.lab",
        "course.workspace",
        "drills",
        "drills.terminal.drill",
        "autograder",
        "course_lib",
    ],
)
def test_an_import_loads_nothing_heavy(package):
    heavy = {
        "torch",
        "matplotlib",
        "nbgrader",
        "nbconvert",
        "nbformat",
        "jupyterlab",
        "IPython",
        "jsonschema",
    }
    assert not heavy & loaded_by(f"import {package}")


@pytest.mark.parametrize("package", LAYERS)
def test_an_import_needs_only_what_lies_below(package):
    above = set(LAYERS[: LAYERS.index(package)])
    assert not above & loaded_by(f"import {package}")
