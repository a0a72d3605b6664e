"""scripts/study_smoothquant.py: it resumes, and records in the order of the recipes."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from course_lib.data._files import CHECKSUMS, read_checked
from course_lib.experiments.smoothquant import study
from course_lib.experiments.smoothquant.table import TABLE
from course_lib.language import perplexity


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("study_smoothquant")


@pytest.fixture
def measured(script, monkeypatch):
    """Nothing is measured here; every recipe that would be is noted."""
    seen = []
    tokens = torch.zeros(3, 4, dtype=torch.int64)
    errors = {(0, "qkv"): {alpha: abs(alpha - 0.7) for alpha in study.ALPHAS}}

    def measure(model, recipe, calibration, tokens):
        seen.append(recipe)
        return perplexity(lambda batch: torch.zeros(*batch.shape, 10), tokens)

    monkeypatch.setattr(script, "load_smollm2", lambda: None)
    monkeypatch.setattr(script, "calibrate", lambda model, tokens: None)
    monkeypatch.setattr(script, "outliers_of", lambda model, tokens: [])
    monkeypatch.setattr(script.study, "prose", lambda: study.Text(tokens, tokens))
    monkeypatch.setattr(script.study, "searched_alphas", lambda model, tokens: errors)
    monkeypatch.setattr(script.study, "measured", measure)
    return seen


def test_a_finished_recipe_is_not_measured_again(script, measured, tmp_path):
    path = tmp_path / "runs.jsonl"
    script.run(path)
    assert len(measured) == len(study.RECIPES) + len(study.SEARCHED)
    assert measured[-1].alpha == {(0, "qkv"): 0.7}
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    script.run(path)
    assert len(measured) == len(study.RECIPES) + len(study.SEARCHED) + 1
    assert len(path.read_text().splitlines()) == len(lines)


def test_the_record_is_checked_and_in_order(script, measured, tmp_path):
    (tmp_path / CHECKSUMS).write_text("{}")
    path = tmp_path / "runs.jsonl"
    script.run(path)
    path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    script.record(path, tmp_path)
    content = read_checked(TABLE, tmp_path)
    assert json.loads((tmp_path / CHECKSUMS).read_text())[TABLE] == hashlib.sha256(content).hexdigest()
    runs = json.loads(content)["runs"]
    assert [line.get("recipe") for line in runs] == [None, None, *study.RECIPES, *study.SEARCHED]
    assert str(Path.home()) not in content.decode()
