"""One list of dependencies: pyproject.toml has it, constraints.txt pins it, environment.yml mirrors it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUN = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()
}
ALL = [*RUN, *EXTRAS["dev"], *EXTRAS["bench"], *EXTRAS["cluster"], *EXTRAS["postgres"]]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="the machine has no make")


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def conda():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    names = [re.fullmatch(r"([\w-]+)(.*)", entry).groups() for entry in listed if isinstance(entry, str)]
    return dict(names), [entry["pip"] for entry in listed if isinstance(entry, dict)]


def test_constraints_are_exact_versions_of_no_particular_build_each_once():
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) and not pin.marker for pin in pins())
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert sorted(set(names)) == sorted(names)
    assert canonicalize_name(PROJECT["name"]) not in names


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_every_dependency_is_pinned_inside_its_bounds(requirement):
    pinned = {canonicalize_name(pin.name): pin.specifier for pin in pins()}
    [specifier] = pinned[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(specifier.version)


@pytest.mark.skipif(sys.platform != "linux", reason="the pins were made on Linux")
def test_what_the_dependencies_need_is_pinned_too():
    pinned = {canonicalize_name(pin.name) for pin in pins()}
    seen, queue = set(), [(requirement, "") for requirement in ALL]
    while queue:
        requirement, extra = queue.pop()
        name = canonicalize_name(requirement.name)
        wanted = not requirement.marker or requirement.marker.evaluate({"extra": extra})
        if not wanted or (name, *requirement.extras) in seen:
            continue
        if re.match(r"nvidia-|cuda-|triton$", name):
            continue  # torch's own exact pins, in its builds for graphics cards only
        seen.add((name, *requirement.extras))
        assert name in pinned, f"{name} has no pin"
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # not installed here
            for text in importlib.metadata.requires(name) or []:
                queue += [(Requirement(text), extra) for extra in ("", *requirement.extras)]


def test_the_pins_fit_the_oldest_python():
    """Checked for the pins that are installed here: what wants a later Python breaks a fresh Debian."""
    floor = re.fullmatch(r">=(3\.\d+)", PROJECT["requires-python"])[1]
    for pin in pins():
        try:
            found = importlib.metadata.metadata(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if pin.specifier.contains(found["Version"]):
            wants = SpecifierSet(found.get("Requires-Python") or "")
            assert wants.contains(f"{floor}.2"), f"{pin} wants Python {wants}"


def test_conda_gets_the_same_packages_and_bounds():
    packages, pip = conda()
    python, installer = packages.pop("python"), packages.pop("pip")
    assert (python, installer, pip) == (PROJECT["requires-python"], "", [["-e ."]])
    expected = {
        CONDA_NAMES.get(requirement.name, requirement.name): requirement.specifier for requirement in RUN
    }
    assert {name: SpecifierSet(bounds) for name, bounds in packages.items()} == expected


def test_bounds_leave_room_for_later_releases():
    for requirement in ALL:
        assert all(bound.operator == ">=" and Version(bound.version) for bound in requirement.specifier)


def make(*arguments, **environment):
    # `make test` runs these tests too, and would hand its own flags down.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_make
@pytest.mark.parametrize(
    ("target", "last"),
    [
        ("lab", ".venv/bin/course lab"),
        ("test", '-m "not slow"'),
        ("test-slow", "-m slow"),
        ("build", "course build"),
        ("bench", ".venv/bin/python -m benchmarks"),
    ],
)
def test_make_says_what_it_would_do(target, last):
    shown = make("-n", target)
    assert shown.returncode == 0, shown.stderr
    assert last in shown.stdout.splitlines()[-1]


@needs_make
def test_make_alone_lists_the_commands():
    listed = make().stdout.split()
    assert {"lab", "test", "test-slow", "classroom", "bench", "build", "pins", "clean"} <= set(listed)


@needs_make
@pytest.mark.skipif(os.name != "posix", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"version_info": 1}, "The course needs Python 3.11 or newer, but "),
        ({"ensurepip": 1}, "cannot make virtual environments yet. On Debian: sudo apt install python3-venv"),
    ],
)
def test_make_names_what_a_machine_lacks(tmp_path, answers, sentence):
    """A Python that fails one of the checks, on a machine where nobody is root."""
    [(word, status)] = answers.items()
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name, script in {
        "python3": f'case "$*" in *{word}*) exit {status};; *) exit 0;; esac',
        "id": "echo 1000",
    }.items():
        (bin_dir / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin_dir / name).chmod(0o755)
    path = os.pathsep.join([str(bin_dir), os.environ["PATH"]])
    # A folder without .venv, so that the rule that makes it applies.
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shown = make("-C", str(tmp_path), "lab", f"PYTHON={bin_dir / 'python3'}", PATH=path)
    assert shown.returncode != 0
    assert sentence in shown.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_make_says_that_there_is_no_python(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shown = make("-C", str(tmp_path), "lab", "PYTHON=no-such-python")
    assert "There is no no-such-python. On Debian: apt install python3" in shown.stderr
