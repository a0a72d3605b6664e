"""scripts/study_quantization.py: it resumes, and records what is complete."""

import hashlib
import json
from pathlib import Path

import pytest

from course_lib.data._files import CHECKSUMS, read_checked
from course_lib.experiments.quantization_aware.studies import TABLE, recorded_studies


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("study_quantization")


@pytest.fixture
def made(script, monkeypatch):
    """Trainings cost nothing here, and every run is noted."""
    lines = []

    def run_line(line):
        lines.append(line)
        return {**line, "seen": 0.5}

    monkeypatch.setattr(script, "run_line", run_line)
    return lines


def test_the_plan_holds_every_run_once(script):
    plan = list(script.planned())
    assert len({json.dumps(line, sort_keys=True) for line in plan}) == len(plan) == 99


def test_a_finished_run_is_not_run_again(script, made, tmp_path):
    runs = tmp_path / "runs.jsonl"
    script.run(runs)
    first = len(made)
    runs.write_text("\n".join(runs.read_text().splitlines()[:-3]) + "\n")
    script.run(runs)
    assert first == 99
    assert made[first:] == made[first - 3 : first]


def test_the_record_is_checked_and_leaves_out_unfinished_seeds(script, made, tmp_path):
    (tmp_path / CHECKSUMS).write_text("{}")
    runs = tmp_path / "runs.jsonl"
    script.run(runs)
    runs.write_text("\n".join(runs.read_text().splitlines()[:-1]) + "\n")
    script.record(runs, tmp_path)
    content = read_checked(TABLE, tmp_path)
    assert json.loads((tmp_path / CHECKSUMS).read_text())[TABLE] == hashlib.sha256(content).hexdigest()
    table = json.loads(content)
    assert {line["seed"] for line in table["runs"]} == {0, 1, 2, 3}
    assert str(Path.home()) not in content.decode()


def test_the_shipped_table_was_made_by_this_plan(script):
    keys = {"study", "arm", "bits", "seed", "gradient", "optimizer", "schedule"}
    shipped = [{k: v for k, v in line.items() if k in keys} for line in recorded_studies()["runs"]]
    assert shipped == list(script.planned())
    settings = recorded_studies()["settings"]
    assert settings["steps"] == script.STEPS
    assert settings["learning_rate"] == script.LEARNING_RATE


def test_a_run_is_what_the_experiments_say(script, monkeypatch):
    monkeypatch.setattr(script, "arm_run", lambda **arguments: script_run(arguments))
    line = script.run_line({"study": "arms", "arm": "qat", "bits": 3, "seed": 0})
    assert line["seen"] == 0.25
    assert line["arm"] == "qat"
    assert line["cpu_seconds"] >= 0


def script_run(arguments):
    from course_lib.experiments.quantization_aware.study import Run

    assert arguments == {"arm": "qat", "bits": 3, "seed": 0}
    return Run(*[0.25] * len(Run._fields))
