"""scripts/study_mini_clip.py: it resumes, widens the search for a rate, and records what can be compared."""

import hashlib
import json
from pathlib import Path

import pytest

from course_lib.data._files import CHECKSUMS, read_checked
from course_lib.experiments.mini_clip.studies import TABLE
from course_lib.experiments.mini_clip.study import Run

SETTINGS = {
    "loss": "infonce",
    "batch_size": 128,
    "samples_seen": 256,
    "learning_rate": 0.004,
    "corrupted": 0.0,
    "seed": 0,
}


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("study_mini_clip")


@pytest.fixture
def made(script, monkeypatch):
    """Trainings cost nothing here: the best rate is 0.016, and every run is noted."""
    calls = []

    def study_run(**arguments):
        calls.append(arguments)
        return Run(
            **arguments,
            logit_scale=10.0,
            logit_bias=None,
            last_loss=1.0,
            **dict.fromkeys(Run._fields[9:], 0.5),
        )

    def tuning_run(**arguments):
        calls.append(arguments)
        return -abs(arguments["learning_rate"] - 0.016)

    monkeypatch.setattr(script, "study_run", study_run)
    monkeypatch.setattr(script, "tuning_run", tuning_run)
    return calls


def test_a_finished_run_is_not_made_again(script, made, tmp_path):
    path = tmp_path / "runs.jsonl"
    first = script.Runs(path).result("batch_size", **SETTINGS)
    again = script.Runs(path).result("batch_size", **SETTINGS)
    assert again == first
    assert len(made) == 1
    script.Runs(path).result("batch_size", **{**SETTINGS, "seed": 1})
    assert len(made) == 2
    assert len(path.read_text().splitlines()) == 2


def test_the_search_for_a_rate_widens_until_the_best_lies_inside(script, made, tmp_path):
    runs = script.Runs(tmp_path / "runs.jsonl")
    assert script.tuned_rate(runs, "infonce", 128, 256) == 0.016
    tried = [line["learning_rate"] for line in runs.lines]
    assert tried == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032]


def test_the_plan_holds_every_run_once_and_the_same_seeds_for_both_losses(script, made, tmp_path):
    plan = list(script.planned(script.Runs(tmp_path / "runs.jsonl")))
    assert len({json.dumps(line, sort_keys=True) for line in plan}) == len(plan)
    for study in ("batch_size", "caption_noise", "fixed_steps"):
        of_loss = [
            sorted(
                (line["batch_size"], line["corrupted"], line["seed"])
                for line in plan
                if line["study"] == study and line["loss"] == loss
            )
            for loss in script.LOSSES
        ]
        assert of_loss[0] == of_loss[1] != []


def test_the_record_is_checked_and_leaves_out_runs_without_a_partner(script, made, tmp_path):
    (tmp_path / CHECKSUMS).write_text("{}")
    runs = script.Runs(tmp_path / "runs.jsonl")
    for loss, seed in (("infonce", 0), ("siglip", 0), ("infonce", 1)):
        runs.result("batch_size", **{**SETTINGS, "loss": loss, "seed": seed})
    script.record(runs.path, tmp_path)
    content = read_checked(TABLE, tmp_path)
    assert json.loads((tmp_path / CHECKSUMS).read_text())[TABLE] == hashlib.sha256(content).hexdigest()
    table = json.loads(content)
    assert [(line["loss"], line["seed"]) for line in table["runs"]] == [("infonce", 0), ("siglip", 0)]
    assert table["machine"]["cores"] >= 1
    assert str(Path.home()) not in content.decode()
