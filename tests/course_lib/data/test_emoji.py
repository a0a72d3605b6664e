"""The emoji: the committed files, the loader, the script that made them, and the features drawn from them."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from course_lib import data
from course_lib.data._files import CHECKSUMS, DATA_FOLDER

REPOSITORY = Path(__file__).parents[3]
README = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")


def recall(first, second, k):
    similarity = first @ second.T
    return float(((similarity >= similarity.diagonal()[:, None]).sum(axis=1) <= k).mean())


# The committed files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", data.VENDORS)
def test_every_row_has_a_picture_a_name_and_tags(vendor):
    pairs = data.load_emoji(vendor)
    assert len(pairs) == 1911
    assert pairs.images.shape == (1911, 32, 32, 3)
    assert pairs.images.dtype == np.uint8
    assert len(set(pairs.names)) == len(set(pairs.codepoints)) == 1911
    assert all(pairs.names)
    assert all(pairs.tags)
    assert all(len(texts) == 1911 for texts in (pairs.tags, pairs.groups, pairs.subgroups))
    assert (pairs.images.reshape(1911, -1).std(axis=1) > 0).all()  # no blank cell
    assert f"{len(np.unique(data.same_picture(pairs))):,}" in README


def test_both_vendors_draw_the_same_emoji_in_the_same_row():
    noto, twemoji = data.load_emoji("noto"), data.load_emoji("twemoji")
    assert noto.names == twemoji.names
    assert (noto.images != twemoji.images).any(axis=(1, 2, 3)).all()
    colours = [pairs.images.mean(axis=(1, 2)) for pairs in (noto, twemoji)]
    apart = [np.abs(colours[0] - np.roll(colours[1], shift, axis=0)).mean() for shift in (0, 1, -1)]
    assert apart[0] < 0.75 * min(apart[1:])  # neighbouring rows are alike, the right row more so


def test_known_emoji_look_as_they_are_called():
    pairs = data.load_emoji("twemoji")
    for channel, colour in enumerate(("red", "green", "blue")):
        assert pairs.images[pairs.names.index(f"{colour} square")][16, 16].argmax() == channel
    assert pairs.images[pairs.names.index("red heart")][0, 0].tolist() == [255, 255, 255]  # on white


def test_readme_gives_the_checksums_of_the_files_and_every_licence_is_there():
    for name, checksum in json.loads((DATA_FOLDER / CHECKSUMS).read_text(encoding="utf-8")).items():
        assert hashlib.sha256((DATA_FOLDER / name).read_bytes()).hexdigest() == checksum
        assert name not in ("emoji.npz", "emoji.json") or checksum in README
    for licence in (DATA_FOLDER / "LICENSES").iterdir():
        assert f"LICENSES/{licence.name}" in README
        assert len(licence.read_text(encoding="utf-8")) > 1000


# The loader -------------------------------------------------------------------------------------------


def test_pairs_are_shared_and_cannot_be_changed():
    pairs = data.load_emoji()
    assert data.load_emoji("noto") is pairs
    with pytest.raises(ValueError, match="read-only"):
        pairs.images[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        pairs.take([3, 1]).images[0] = 0


def test_take_keeps_order_and_every_field():
    pairs = data.load_emoji().take([5, 2])
    assert pairs.names == (data.load_emoji().names[5], data.load_emoji().names[2])
    assert np.array_equal(pairs.images, data.load_emoji().images[[5, 2]])
    assert {len(getattr(pairs, field)) for field in ("tags", "groups", "subgroups", "codepoints")} == {2}


def test_captions_with_and_without_tags():
    pairs = data.load_emoji().take([0])
    assert data.captions(pairs) == ["grinning face"]
    assert data.captions(pairs, with_tags=True)[0].startswith("grinning face: cheerful, cheery, ")


def test_same_picture_finds_the_flags_that_are_drawn_alike():
    pairs = data.load_emoji("twemoji")
    first = data.same_picture(pairs)
    norway, svalbard = (pairs.names.index(f"flag: {n}") for n in ("Norway", "Svalbard & Jan Mayen"))
    assert first[norway] == first[svalbard] == norway
    assert (first <= np.arange(len(pairs))).all()


def test_unknown_vendor_is_refused():
    with pytest.raises(ValueError, match="vendor must be one of 'noto', 'twemoji', got 'apple'"):
        data.load_emoji("apple")


@pytest.mark.parametrize("name", ["emoji.npz", "emoji.json", CHECKSUMS])
@pytest.mark.parametrize(("harm", "says"), [("cut", "damaged|must give"), ("remove", "is missing")])
def test_damaged_file_is_refused_by_name_with_a_remedy(tmp_path, name, harm, says):
    for file in ("emoji.npz", "emoji.json", CHECKSUMS):
        shutil.copy(DATA_FOLDER / file, tmp_path)
    if harm == "cut":
        (tmp_path / name).write_bytes((DATA_FOLDER / name).read_bytes()[:-9])
    else:
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=rf"{name}.*({says}).*: reinstall the course, or restore"):
        data.load_emoji(folder=tmp_path)


def test_loading_needs_no_torch():
    code = "import sys, course_lib.data as data; data.load_emoji(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


@settings(deadline=None)
@given(held_out=st.integers(0, 1911), seed=st.integers(0, 2**32))
def test_split_is_a_partition_with_every_group_in_proportion(held_out, seed):
    pairs = data.load_emoji()
    train, held = data.split_emoji(pairs, held_out, seed)
    assert len(held) == held_out
    assert np.array_equal(np.sort(np.concatenate([train, held])), np.arange(1911))
    groups = np.array(pairs.groups)
    for group in set(pairs.groups):
        share = held_out * (groups == group).mean()
        assert abs((groups[held] == group).sum() - share) < 1
    assert np.array_equal(data.split_emoji(data.load_emoji("twemoji"), held_out, seed).held_out, held)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"held_out": 1912}, ValueError, "held_out must be an integer from 0 to 1911, got 1912"),
        ({"held_out": 1.5}, TypeError, "held_out must be an integer"),
        ({"seed": -1}, ValueError, "seed must be an integer of at least 0, got -1"),
    ],
)
def test_split_refuses_bad_arguments(arguments, error, says):
    with pytest.raises(error, match=says):
        data.split_emoji(data.load_emoji(), **arguments)


# The script that made the files -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_emoji(load_script):
    return load_script("make_emoji")


def write_packages(folder, side):
    """Three emoji in two vendors' packages: A drawn by both and named, B drawn by one, C without a name."""
    packages = {}
    for vendor, image_set, shade in (("noto", "google", 200), ("twemoji", "twitter", 100)):
        package = packages[vendor] = folder / vendor
        sheet = np.zeros((side + 2, 3 * (side + 2), 4), np.uint8)  # transparent black
        sheet[1 : side // 2 + 1, 1 : side + 1] = (shade, 0, 0, 255)  # A: the upper half red
        (package / "img" / image_set / "sheets-clean").mkdir(parents=True)
        Image.fromarray(sheet).save(package / "img" / image_set / "sheets-clean" / f"{side}.png")
        entries = [
            {
                "unified": code, "sheet_x": x, "sheet_y": 0, "sort_order": 9 - x, "category": "G",
                "subcategory": "s", f"has_img_{image_set}": (vendor, code) != ("noto", "B"),
            }
            for x, code in enumerate(["A-FE0F", "B", "C"])
        ]  # fmt: skip
        (package / "emoji.json").write_text(json.dumps(entries))
    (folder / "names" / "en").mkdir(parents=True)
    named = [{"hexcode": "A", "label": "red roof", "tags": ["roof"]}, {"hexcode": "B", "label": "b"}]
    (folder / "names" / "en" / "data.json").write_text(json.dumps(named))
    return packages, folder / "names"


@pytest.mark.parametrize("side", [32, 64])
def test_script_keeps_what_is_drawn_twice_and_named_and_repeats_itself(make_emoji, tmp_path, side):
    sources = write_packages(tmp_path, side)
    for out in ("one", "two"):
        make_emoji.build(*sources, tmp_path / out)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == [CHECKSUMS, "emoji.json", "emoji.npz"]
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
    pairs = data.load_emoji("noto", folder=tmp_path / "one")
    assert (pairs.names, pairs.tags, pairs.codepoints) == (("red roof",), (("roof",),), ("A-FE0F",))
    assert pairs.images[0, 5, 5].tolist() == [200, 0, 0]
    assert pairs.images[0, 31, 31].tolist() == [255, 255, 255]  # transparent black became white


def test_script_refuses_another_version(make_emoji, tmp_path):
    package = tmp_path / "emojibase-data-17.0.0" / "package"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "emojibase-data", "version": "16.0.0"}')
    with pytest.raises(ValueError, match=r"must hold emojibase-data@17\.0\.0, got emojibase-data@16\.0\.0"):
        make_emoji.fetch("emojibase-data@17.0.0", tmp_path)


# The features -----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(order=st.permutations(range(6)))
def test_image_descriptors_are_finite_unit_rows_that_follow_their_pictures(order):
    images = data.load_emoji().images[100:106]
    rows = data.image_descriptors(images, centre_on=data.load_emoji().images[:50])
    assert rows.shape == (6, 428)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    again = data.image_descriptors(images[list(order)], centre_on=data.load_emoji().images[:50])
    assert np.array_equal(again, rows[list(order)])


def test_image_descriptors_of_one_picture_alone_are_zero_not_nan():
    assert not data.image_descriptors(np.full((1, 8, 8, 3), 7, np.uint8)).any()


@pytest.mark.parametrize(
    "images", [np.zeros((2, 32, 32, 3)), *(np.zeros(s, np.uint8) for s in ((2, 30, 30, 3), (0, 32, 32, 3)))]
)
def test_image_descriptors_refuse_other_arrays(images):
    with pytest.raises(ValueError, match="images must be uint8 RGB pictures"):
        data.image_descriptors(images)


def test_text_descriptors_know_words_not_their_order():
    vocabulary = data.build_vocabulary(["red heart", "red apple", "green apple", "green heart"])
    assert vocabulary.words == ("apple", "green", "heart", "red")
    rows = data.text_descriptors(["Heart, red!", "red red heart", "unheard"], vocabulary)
    assert np.array_equal(rows[0], rows[1])
    assert np.allclose(rows[0], [0, 0, 0.5**0.5, 0.5**0.5])
    assert not rows[2].any()
    with pytest.raises(ValueError, match="texts must share words"):
        data.build_vocabulary(["one", "two"])


def test_cca_correlations_are_those_of_the_generalised_eigenproblem():
    x, y = np.random.default_rng(0).normal(size=(2, 60, 4))
    y[:, :2] += x[:, 1:3]
    maps = data.fit_cca(x, y, dim=4, ridge=1e-12)
    cxx, cyy, cxy = np.cov(x.T), np.cov(y.T), np.cov(x.T, y.T)[:4, 4:]
    squares = np.linalg.eigvals(np.linalg.solve(cxx, cxy) @ np.linalg.solve(cyy, cxy.T)).real
    assert np.allclose(maps.correlations, np.sqrt(np.sort(squares)[::-1]))
    scores = ((x - maps.x_mean) @ maps.x_map).T @ ((y - maps.y_mean) @ maps.y_map) / len(x)
    assert np.allclose(scores, np.diag(maps.correlations**2))  # ρ from the data, √ρ from each map


@settings(deadline=None)
@given(angle=st.floats(0, 6.3), scale=st.floats(0.01, 100), shift=st.floats(-50, 50), ridge=st.floats(0.1, 5))
def test_cca_does_not_depend_on_the_axes_units_or_origin_of_its_features(angle, scale, shift, ridge):
    x, y = np.random.default_rng(1).normal(size=(2, 30, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = scale * x @ turn + shift

    def similarity(features):
        maps = data.fit_cca(features, y, dim=2, ridge=ridge)
        return ((features - maps.x_mean) @ maps.x_map) @ ((y - maps.y_mean) @ maps.y_map).T

    assert np.allclose(similarity(moved), similarity(x), atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"y": np.ones((4, 2))}, "equally many rows"),
        ({"dim": 3}, "dim must be an integer from 1 to 2, got 3"),
        ({"ridge": 0.0}, "ridge must be positive and finite, got 0.0"),
        ({"x": np.full((5, 2), np.nan)}, "x must be finite"),
    ],
)
def test_cca_refuses_bad_arguments(arguments, says):
    with pytest.raises(ValueError, match=says):
        data.fit_cca(**({"x": np.ones((5, 2)), "y": np.ones((5, 2)), "dim": 1} | arguments))


@pytest.mark.parametrize("vendor", data.VENDORS)
def test_held_out_captions_find_their_pictures_far_above_chance(vendor):
    pairs = data.paired_features(vendor)
    assert pairs.first.shape == pairs.second.shape == (191, 64)
    assert pairs.first.dtype == np.float32
    assert np.allclose(np.linalg.norm(pairs.second, axis=1), 1, atol=1e-6)
    assert recall(pairs.first, pairs.second, 1) > 0.2  # chance: 0.005
    assert recall(pairs.second, pairs.first, 10) > 0.5  # chance: 0.05
    shuffled = np.roll(pairs.second, 1, axis=0)
    assert recall(pairs.first, shuffled, 10) < 0.2


def test_vendors_align_without_any_fit_and_on_the_same_emoji():
    pairs, drawn = data.paired_features(), data.vendor_pairs()
    assert np.array_equal(pairs.indices, drawn.indices)
    assert pairs.names == drawn.names == data.load_emoji().take(drawn.indices).names
    assert sorted(drawn.indices) == data.split_emoji(data.load_emoji()).held_out.tolist()
    assert recall(drawn.first, drawn.second, 1) > 0.5


def test_features_are_reproducible_and_belong_to_the_caller():
    first = data.paired_features().first
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(data.paired_features().first, kept)
    assert not np.array_equal(data.paired_features(seed=1).indices, data.paired_features().indices)


@pytest.mark.parametrize("features", [data.paired_features, data.vendor_pairs])
@pytest.mark.parametrize(("n_pairs", "error"), [(0, ValueError), (1912, ValueError), (2.0, TypeError)])
def test_features_refuse_bad_counts(features, n_pairs, error):
    with pytest.raises(error, match="n_pairs must be an integer"):
        features(n_pairs=n_pairs)
