"""MiniLM's recorded layer: the committed file, and what the README says of it."""

import json
import shutil

import numpy as np
import pytest

from course_lib.data import load_minilm_layer
from course_lib.data._files import CHECKSUMS, DATA_FOLDER
from course_lib.data.minilm_layer import FILE


@pytest.fixture(scope="module")
def layer():
    return load_minilm_layer()


def test_the_file_is_small_and_the_readme_and_a_licence_know_it():
    size = (DATA_FOLDER / FILE).stat().st_size
    readme = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")
    assert size <= 3_000_000
    assert f"{size:,}" in readme
    assert json.loads((DATA_FOLDER / CHECKSUMS).read_text(encoding="utf-8"))[FILE] in readme
    licence = (DATA_FOLDER / "LICENSES" / "MINILM-Apache-2.0.txt").read_text(encoding="utf-8")
    assert FILE in licence
    assert "Apache License\n" in licence


def test_shapes_and_values(layer):
    assert list(layer.weights) == ["query", "key", "value"]
    shapes = {x.shape for x in (*layer.weights.values(), *layer.factors.values())}
    assert shapes == {(384, 384)}
    assert (layer.calibration.shape, layer.held_out.shape, layer.layer) == ((1024, 384), (512, 384), 4)
    for x in (*layer.weights.values(), layer.calibration, layer.held_out, *layer.factors.values()):
        assert x.dtype == np.float32
        assert np.isfinite(x).all()
        with pytest.raises(ValueError, match="read-only"):
            x[:] = 0
    # Trained weights, on no grid of few bits: hardly two entries of a row are alike.
    assert min(len(np.unique(row)) for w in layer.weights.values() for row in w) > 300


def test_held_out_is_not_what_calibrates(layer):
    known = {row.tobytes() for row in layer.calibration}
    assert not any(row.tobytes() in known for row in layer.held_out)


def test_the_factors_are_triangular_and_of_more_of_the_same(layer):
    for factor in layer.factors.values():
        assert (factor == np.triu(factor)).all()
        assert (factor.diagonal() > 0).all()
    prose = layer.factors["prose"].astype(np.float64)
    rest = prose.T @ prose - layer.calibration.astype(np.float64).T @ layer.calibration
    # What is left is XᵀX of the other 7,168 positions: it has no negative direction.
    assert np.linalg.eigvalsh(rest).min() > 0
    energy = np.diag(prose.T @ prose).sum() / 8192
    assert energy == pytest.approx((layer.calibration**2).sum() / 1024, rel=0.02)


def test_a_damaged_file_is_refused(tmp_path):
    shutil.copy(DATA_FOLDER / CHECKSUMS, tmp_path)
    (tmp_path / FILE).write_bytes((DATA_FOLDER / FILE).read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{FILE} is damaged"):
        load_minilm_layer(folder=tmp_path)
