"""The recorded activations and the prose: the committed files, and what the README says of them."""

import json
import re
import shutil

import numpy as np
import pytest

from course_lib.data import load_activations, load_layer_weights, load_prose
from course_lib.data._files import CHECKSUMS, DATA_FOLDER

README = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def activations():
    return load_activations()


def channel_ratio(x):
    """Largest channel maximum over the median one."""
    maxima = np.abs(x).max(axis=(0, 1))
    return maxima.max() / np.median(maxima)


def test_every_layer_has_its_three_inputs(activations):
    assert activations.layers == (4, 11, 12, 28)
    assert len(activations.tokens) == 8
    assert {len(row) for row in activations.tokens} == {16}
    for layer in activations.layers:
        for kind, width in {"qkv": 576, "gate_up": 576, "down": 1536}.items():
            x = activations.inputs(layer, kind)
            assert (x.shape, x.dtype) == ((8, 16, width), np.float32)
            assert np.isfinite(x).all()
            assert (x.std(axis=(0, 1)) > 0).all()  # no dead channel, no repeated token


def test_the_file_is_small_and_the_readme_knows_it():
    for name in ("activations.npz", "layer_weights.npz", "prose.txt"):
        size = (DATA_FOLDER / name).stat().st_size
        assert size <= 3_000_000
        assert f"{size:,}" in README
        assert json.loads((DATA_FOLDER / CHECKSUMS).read_text(encoding="utf-8"))[name] in README


@pytest.mark.parametrize(("layer", "channel", "others"), [(11, 1229, 0.1), (28, 678, 0.1)])
def test_massive_activations_are_the_first_tokens_alone(activations, layer, channel, others):
    x = np.abs(activations.inputs(layer, "down"))
    assert len({row[0] for row in activations.tokens}) == 8  # whatever the word
    assert (x.max(axis=2).argmax(axis=1) == 0).all()
    assert (x[:, 0].argmax(axis=1) == channel).all()
    assert x[:, 0, channel].min() > 2000
    assert x[:, 1:, channel].max() < others


def test_the_outlier_channel_is_there_for_every_token(activations):
    x = np.abs(activations.inputs(12, "qkv"))
    assert x[:, :, 247].min() > 1.1
    assert np.median(x[:, :, 247]) / np.median(x) == pytest.approx(99, abs=2)
    assert (x[:, 1:].argmax(axis=2) == 247).mean() > 0.9


@pytest.mark.parametrize(("layer", "kind"), [(11, "down"), (28, "down"), (12, "qkv"), (4, "down")])
def test_the_readme_gives_the_ratios(activations, layer, kind):
    x = activations.inputs(layer, kind)
    row = re.search(rf"\| {kind} of layer {layer} \| (\d+) \| ([\d.]+) \| (\d+) \| (\d+)", README)
    loudest, largest, ratio, without_first = (float(number) for number in row.groups())
    assert np.abs(x).max(axis=(0, 1)).argmax() == loudest
    assert np.abs(x).max() == pytest.approx(largest, rel=0.01)
    assert channel_ratio(x) == pytest.approx(ratio, abs=0.51)
    assert channel_ratio(x[:, 1:]) == pytest.approx(without_first, abs=0.51)


def test_weights_and_activations_belong_together(activations):
    """The product of both is what the README tells of the residual stream, which neither file holds."""
    outputs = activations.inputs(11, "down") @ load_layer_weights()[11, "down_proj"].T
    assert (np.abs(outputs[:, 0]).argmax(axis=1) == 507).all()
    assert f"up to {np.abs(outputs).max():,.0f} into channel 507" in README
    assert np.abs(outputs[:, 1:]).max() < 110


def test_the_weights_have_their_shapes_and_four_bits():
    weights = load_layer_weights()
    shapes = {"down_proj": (576, 1536), "q_proj": (576, 576), "k_proj": (192, 576), "v_proj": (192, 576)}
    for (_, name), weight in weights.items():
        assert weight.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            weight[:] = 0
        if name != "attention_norm":
            assert weight.shape == shapes[name]
            assert max(len(np.unique(block)) for block in weight.reshape(-1, 32)) == 16
    # Channel 247 is made loud by what comes before the norm, not by the norm's own weight.
    assert np.abs(weights[12, "attention_norm"]).argmax() != 247


def test_what_is_returned_may_be_changed(activations):
    activations.inputs(4, "qkv")[:] = 0
    assert activations.inputs(4, "qkv").any()


@pytest.mark.parametrize(
    ("layer", "kind", "message"),
    [
        (5, "qkv", "layer must be one of 4, 11, 12, 28, got 5"),
        (11, "o", "kind must be one of 'qkv', 'gate_up', 'down', got 'o'"),
    ],
)
def test_what_was_not_recorded_is_said(activations, layer, kind, message):
    with pytest.raises(ValueError, match=message):
        activations.inputs(layer, kind)


def test_the_tokens_are_the_prose(activations):
    prose = load_prose()
    places = [prose.index("".join(row)) for row in activations.tokens]
    assert places == sorted(places)
    assert places[0] == 0


def test_the_prose_is_prose():
    prose = load_prose()
    assert 100_000 < len(prose) < 200_000
    assert prose.startswith("No one who had ever seen Catherine Morland")
    assert not re.search(r"CHAPTER|Gutenberg|_|--|  |\r", prose)
    assert prose.count("\n") > 100


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("activations.npz", load_activations),
        ("layer_weights.npz", load_layer_weights),
        ("prose.txt", load_prose),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, name, load):
    shutil.copy(DATA_FOLDER / CHECKSUMS, tmp_path)
    (tmp_path / name).write_bytes((DATA_FOLDER / name).read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        load(folder=tmp_path)


def test_packing_gives_the_same_bytes_and_arrays_again(tmp_path, load_script):
    arrays = {"4.qkv": np.arange(6, dtype=np.float16).reshape(1, 2, 3), "about": np.array("{}")}
    pack = load_script("record_activations").pack
    assert pack(arrays) == pack(arrays)
    (tmp_path / "a.npz").write_bytes(pack(arrays))
    with np.load(tmp_path / "a.npz") as read:
        assert {name: read[name].tolist() for name in read} == {k: v.tolist() for k, v in arrays.items()}


def test_printed_lines_become_paragraphs(load_script):
    prose = load_script("make_prose")
    printed = [
        "NORTHANGER ABBEY",
        "",
        "CHAPTER 1",
        "",
        "",
        "One _very_ long",
        "line--here",
        "",
        "Two",
        "",
        "CHAPTER 2",
        "",
        "Three",
    ]
    assert prose.paragraphs(printed) == ["One very long line—here", "Two", "Three"]
