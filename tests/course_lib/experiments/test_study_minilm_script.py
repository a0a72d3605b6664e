"""scripts/study_minilm.py: it resumes, records the whole plan in order, and the record repeats."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
import typer

from course_lib.data._files import CHECKSUMS, read_checked
from course_lib.data.minilm import minilm_missing
from course_lib.experiments.gptq_awq import recorded

PLANNED = list(recorded.planned())


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("study_minilm")


@pytest.fixture
def measured(script, monkeypatch):
    """Nothing is measured here; every run that would be is noted."""
    seen = []

    def measure(**line):
        seen.append(line)
        return {"recall": len(seen) / 100}

    monkeypatch.setattr(script, "minilm_missing", lambda: None)
    monkeypatch.setattr(script.recorded, "run", measure)
    return seen


def test_the_plan_has_every_method_once():
    assert len(PLANNED) == len({tuple(line.values()) for line in PLANNED}) == 3 * (5 + 4)
    assert not [line for line in PLANNED if line["in_turn"] and line["method"] == "nearest"]


def test_a_finished_run_is_not_made_again(script, measured, tmp_path):
    path = tmp_path / "runs.jsonl"
    script.run(path)
    assert measured == PLANNED
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    script.run(path)
    assert measured == [*PLANNED, PLANNED[-1]]
    assert len(path.read_text().splitlines()) == len(lines)


def test_without_the_model_it_says_what_to_run(script, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    with pytest.raises(typer.Exit):
        script.run(tmp_path / "runs.jsonl")
    assert "course fetch minilm" in capsys.readouterr().err
    assert not (tmp_path / "runs.jsonl").exists()


def test_the_record_is_checked_and_in_order(script, measured, tmp_path):
    (tmp_path / CHECKSUMS).write_text("{}")
    path = tmp_path / "runs.jsonl"
    script.run(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(reversed(lines)) + "\n")
    script.record(path, tmp_path)
    content = read_checked(recorded.TABLE, tmp_path)
    sums = json.loads((tmp_path / CHECKSUMS).read_text())
    assert sums[recorded.TABLE] == hashlib.sha256(content).hexdigest()
    runs = json.loads(content)["runs"]
    assert [{name: run[name] for name in PLANNED[0]} for run in runs] == PLANNED
    assert str(Path.home()) not in content.decode()


def test_half_a_study_is_not_recorded(script, measured, tmp_path):
    path = tmp_path / "runs.jsonl"
    script.run(path)
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(typer.BadParameter, match="missing"):
        script.record(path, tmp_path)


def test_the_shipped_record_is_whole():
    study = recorded.recorded_study()
    assert study["generator"] == "scripts/study_minilm.py"
    assert study["threads"] == 1
    fields = {*PLANNED[0], *recorded.MEASURED, "full_recall", "full_pair", "cpu_seconds"}
    assert all(set(line) == fields for line in study["runs"])
    assert [{name: run[name] for name in PLANNED[0]} for run in study["runs"]] == PLANNED
    assert len({(line["full_recall"], line["full_pair"]) for line in study["runs"]}) == 1


@pytest.mark.slow
@pytest.mark.skipif(minilm_missing() is not None, reason=str(minilm_missing()))
def test_a_recorded_run_repeats():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        line = next(line for line in recorded.recorded_study()["runs"] if line["bits"] == 3)
        again = recorded.run(**{name: line[name] for name in PLANNED[0]})
    finally:
        torch.set_num_threads(threads)
    # Another processor ends in other last digits, and a name may find its neighbour.
    assert again == pytest.approx({name: line[name] for name in again}, abs=0.005)
