"""Which parts of which folders are opened, in a clone and in a plain installation."""

import pytest

from autograder.classroom.isolation import readable
from autograder.classroom.isolation.readable import readable_paths


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An environment with our packages and somebody else's; where HOME is to point."""

    def make(home):
        packages = tmp_path / "env" / "lib" / "python3" / "site-packages"
        for name in ("torch", "numpy"):
            (packages / name).mkdir(parents=True)
        (tmp_path / "env" / "bin").mkdir()
        (tmp_path / "env" / "lib" / "libx.so").touch()
        home = tmp_path / home
        for part in (
            *readable.PARTS,
            "autograder/judge.py",
            "autograder/exercises/x.py",
            "course/cli.py",
            "drills/x.py",
        ):
            path = home / part
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch() if path.suffix else path.mkdir(exist_ok=True)
        monkeypatch.setattr(readable, "HOME", home)
        for name in ("prefix", "base_prefix", "exec_prefix", "base_exec_prefix"):
            monkeypatch.setattr(readable.sys, name, str(tmp_path / "env"))
        return home

    return make


def opened(paths, path):
    """Whether a rule opens the path."""
    return any(path == one or one in path.parents for one in paths.readable)


HIDDEN = ("autograder/judge.py", "autograder/exercises/x.py", "course/cli.py", "drills/x.py")
SHOWN = ("autograder/__init__.py", "autograder/case.py", "autograder/observers", "course_lib")


@pytest.mark.parametrize("home", ["env/lib/python3/site-packages", "clone", "env/share/clone"])
def test_ours_is_opened_in_parts_wherever_it_lies(installed, tmp_path, home):
    home = installed(home)
    paths = readable_paths()
    env = tmp_path / "env"
    assert not [name for name in HIDDEN if opened(paths, home / name)]
    assert all(opened(paths, home / name) for name in SHOWN)
    for other in ("bin", "lib/libx.so", "lib/python3/site-packages/torch", "lib/python3/site-packages/numpy"):
        assert opened(paths, env / other)


def test_folders_that_are_taken_apart_can_be_listed(installed):
    home = installed("env/lib/python3/site-packages")
    paths = readable_paths()
    assert home in paths.listable
    assert home / "autograder" in paths.listable
    assert readable.needs_path() is False


def test_an_environment_inside_the_clone_is_opened(installed, tmp_path, monkeypatch):
    home = installed("clone")
    (home / ".venv" / "lib").mkdir(parents=True)
    (home / "solutions").mkdir()
    monkeypatch.setattr(readable.sys, "prefix", str(home / ".venv"))
    paths = readable_paths()
    assert opened(paths, home / ".venv" / "lib")
    assert not opened(paths, home / "solutions")
    assert readable.needs_path()


def test_the_system_is_opened_without_what_people_keep_in_it(tmp_path):
    paths = readable_paths([tmp_path])
    names = {str(path) for path in paths.readable}
    assert {"/usr/lib", "/usr/share", str(tmp_path)} <= names
    assert names.isdisjoint(
        {"/", "/usr", "/etc", "/home", "/root", "/var", "/run", "/tmp", "/usr/src", "/sys", "/dev"}
    )
    assert not [name for name in names if name.startswith(("/etc/shadow", "/etc/ssh", "/usr/src", "/run"))]


def test_the_real_ones_hide_what_judges():
    paths = readable_paths()
    for name in (
        "solutions",
        "autograder/judge.py",
        "autograder/exercises",
        "course",
        "tests",
        "notebooks",
        "classroom",
    ):
        assert not opened(paths, readable.HOME / name)
    assert opened(paths, readable.HOME / "course_lib" / "__init__.py")
