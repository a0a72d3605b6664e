"""Every attack can be made, aims at what it says, and starts from answers that earn what the corpus assumes."""

from __future__ import annotations

import ast
import json
import os
import socket
import stat
import time
from pathlib import Path
from typing import get_args

import nbformat
import pytest
import torch
from corpus import ATTACKS, LESSON, NOTEBOOK, Setting
from corpus.attack import ZEROS
from corpus.honest import HONEST, expected
from corpus.watch import Watch

from autograder import examine
from autograder.classroom.outcome import ProblemKind
from autograder.exercises import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def released():
    return nbformat.read(ROOT / "notebooks" / LESSON / f"{NOTEBOOK}.ipynb", as_version=4)


@pytest.fixture(scope="session")
def setting(tmp_path_factory):
    """A folder that looks like a clone; nothing is run in it."""
    root = tmp_path_factory.mktemp("clone")
    (root / "notebooks").mkdir()
    os.symlink(ROOT / "notebooks" / LESSON, root / "notebooks" / LESSON)
    return Setting(root, root / "canary.txt", 9, 999_999_999, "autumn-", "victim")


@pytest.fixture(scope="session")
def right(released):
    """Another right answer for each exercise, as a cell."""
    names = [
        c.metadata.nbgrader.grade_id for c in released.cells if c.metadata.get("nbgrader", {}).get("solution")
    ]
    return {name: ZEROS.get(name, "An explanation.") for name in names}


@pytest.fixture(scope="session")
def possible(released):
    graded = [c.metadata.nbgrader for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")]
    return {one.grade_id.removeprefix("check-"): float(one.points) for one in graded}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_can_be_made(name, setting, right, possible):
    attack = ATTACKS[name]
    folder = attack.make(attack.student or f"made-{name}", setting, right)
    assert folder.name == LESSON
    path = folder / f"{NOTEBOOK}.ipynb"
    if path.is_file() and not path.is_symlink() and path.stat().st_size < 10_000_000:
        assert "@gradebook@" not in path.read_text(errors="replace")
    assert (attack.says or frozenset()) <= {*get_args(ProblemKind)}
    assert attack.earns.keys() <= possible.keys()
    assert attack.least(possible).items() <= attack.most(possible).items()
    assert attack.tries
    if attack.base != "right":
        assert sum(attack.most(possible).values()) == 0


@pytest.mark.parametrize("name", ATTACKS)
def test_what_an_attack_writes_is_python(name, setting, right):
    """A typing error in an attack would make it a harmless one."""
    folder = ATTACKS[name].make(f"parsed-{name}", setting, right)
    path = folder / f"{NOTEBOOK}.ipynb"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 10_000_000:
        return
    try:
        cells = json.loads(path.read_text()).get("cells", [])
    except (ValueError, AttributeError, RecursionError):
        return  # a wreck on purpose
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            ast.parse("".join(cell["source"]).encode("utf-8", "replace"))


def test_special_files_are_what_they_say(setting, right):
    made = {
        name: ATTACKS[name].make(f"special-{name}", setting, right)
        for name in ("fifo", "sparse_notebook", "link_to_itself", "socket_beside")
    }
    assert stat.S_ISFIFO((made["fifo"] / f"{NOTEBOOK}.ipynb").stat().st_mode)
    sparse = (made["sparse_notebook"] / f"{NOTEBOOK}.ipynb").stat()
    assert sparse.st_size == 100 << 30
    assert sparse.st_blocks < 100
    assert (made["link_to_itself"] / f"{NOTEBOOK}.ipynb").is_symlink()
    assert stat.S_ISSOCK((made["socket_beside"] / "door").stat().st_mode)


@pytest.mark.parametrize("exercise", ZEROS)
def test_zeros_earn_nothing(exercise, possible):
    """Otherwise a forged point could not be told from an earned one."""
    names = {"torch": torch}
    exec(ZEROS[exercise], names)
    assert examine(f"infonce.{exercise}", names[exercise]).credit == 0
    assert load(f"infonce.{exercise}").points == possible[exercise]


def test_honest_students_have_different_scores(possible):
    texts = (ROOT / "solutions" / LESSON / f"{NOTEBOOK}.py").read_text(encoding="utf-8")
    right = {}
    for cell in texts.split("\n# %%")[1:]:
        head, _, source = cell.partition("\n")
        if 'solution="infonce.' in head and "def " in source:
            right[head.split('solution="infonce.')[1].split('"')[0]] = source
    scores = {who: sum(expected(who, right, possible).values()) for who in HONEST}
    checked = sum(points for name, points in possible.items() if not name.startswith("explain"))
    assert scores["perfect"] == scores["noisy"] == checked
    assert scores["untouched"] == 0
    assert len(set(scores.values())) == len(scores) - 1


def test_the_watch_notices():
    """The checks that look outside would see what they look for."""
    with Watch() as watch:
        with socket.create_connection(("127.0.0.1", watch.port)) as connection:
            connection.sendall(b"hostile-x")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"hostile-x", ("127.0.0.1", watch.port))
        for _ in range(100):
            if watch.calls("x") == ["TCP", "UDP"]:
                break
            time.sleep(0.02)
        assert watch.calls("x") == ["TCP", "UDP"]
        assert watch.calls("y") == []
