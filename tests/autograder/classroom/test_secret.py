"""The class's secret: made once, readable by its owner only, one key per student."""

from __future__ import annotations

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from autograder.classroom import secret
from autograder.classroom.errors import GradingError


@pytest.fixture(autouse=True)
def no_seed(monkeypatch):
    monkeypatch.delenv(secret.VARIABLE, raising=False)


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first = secret.secret(tmp_path / "classroom")
    path = tmp_path / "classroom" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) == 2 * secret.BYTES
    assert secret.secret(tmp_path / "classroom") == first
    assert [p.name for p in path.parent.iterdir()] == ["secret"]


def test_without_making_there_is_none(tmp_path):
    assert secret.secret(tmp_path, make=False) == b""
    assert list(tmp_path.iterdir()) == []
    assert secret.key(b"", "ann") == b""


def test_the_environment_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv(secret.VARIABLE, "autumn-4711")
    assert secret.secret(tmp_path) == b"autumn-4711"
    assert list(tmp_path.iterdir()) == []


def test_a_students_key_is_an_hmac():
    expected = hmac.new(b"autumn-4711", b"ann", hashlib.sha256).digest()
    assert secret.key(b"autumn-4711", "ann") == expected
    assert secret.key(b"autumn-4711", "bob") != expected


def test_two_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret.secret(tmp_path), range(32)))) == 1


def test_an_empty_file_is_one_sentence(tmp_path):
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(GradingError, match=r"is empty: put it back from a copy, or delete it"):
        secret.secret(tmp_path)
