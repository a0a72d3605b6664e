"""The mini-CLIP: shapes, where it begins, what it does to the random state, how it is packed and loaded."""

import hashlib
import json
import math

import numpy as np
import pytest
import torch

from course_lib import contrastive
from course_lib.contrastive.mini_clip import SIDE
from course_lib.contrastive.pretrained import mini_clip_file, pack_mini_clip
from course_lib.data._files import CHECKSUMS, DATA_FOLDER


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def test_features_are_unit_vectors_of_one_width():
    model = contrastive.MiniClip(num_words=20, dim=16)
    images, texts = model(torch.rand(4, 3, SIDE, SIDE), torch.rand(4, 20))
    assert images.shape == texts.shape == (4, 16)
    for features in (images, texts):
        torch.testing.assert_close(features.norm(dim=1), torch.ones(4))


def test_it_has_the_size_that_the_lesson_says():
    model = contrastive.new_mini_clip(2387)
    assert 0.8e6 < sum(parameter.numel() for parameter in model.parameters()) < 0.95e6


def test_a_seed_gives_the_weights_and_leaves_torchs_own_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    models = [contrastive.MiniClip(10, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    one, same, other = (model.text_tower[0].weight for model in models)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_each_loss_begins_as_it_wants():
    scale, bias = contrastive.new_mini_clip(10, "infonce").scale_and_bias()
    assert (scale, bias) == (pytest.approx(1 / 0.07), None)
    scale, bias = contrastive.new_mini_clip(10, "siglip", batch_size=64).scale_and_bias()
    assert (scale, bias) == (pytest.approx(10), pytest.approx(-math.log(63)))
    assert contrastive.new_mini_clip(10, temperature=0.5).scale_and_bias()[0] == pytest.approx(2)


def test_embeddings_begin_centred():
    """Common directions cost the sigmoid loss its first epochs: neither tower may start with a large one."""
    model = contrastive.new_mini_clip(50)
    bags = torch.nn.functional.normalize((torch.rand(256, 50) < 0.1).float() + 1e-6)
    images, texts = model(contrastive.image_tensor(pictures(256)), bags)
    assert images.mean(dim=0).norm() < 0.6
    assert texts.mean(dim=0).norm() < 0.6
    # With a bias in the last layer, as torch's default has it, the texts would be nearly one point.
    model.text_tower[-1] = torch.nn.Linear(128, 128)
    assert model.encode_text(bags).mean(dim=0).norm() > 0.8


def test_a_caption_is_the_sum_of_its_words():
    model = contrastive.MiniClip(num_words=6)
    of_words = model.text_tower(torch.eye(6))
    of_caption = model.text_tower(torch.tensor([[0.0, 0.6, 0.0, 0.8, 0.0, 0.0]]))[0]
    torch.testing.assert_close(of_caption, 0.6 * of_words[1] + 0.8 * of_words[3])
    assert not torch.allclose(of_words[0], of_words[1])


def test_image_tensor_puts_white_at_zero():
    images = pictures(2)
    images[0, 3, 5] = (255, 0, 51)
    tensor = contrastive.image_tensor(images)
    assert (tensor.shape, tensor.dtype) == ((2, 3, SIDE, SIDE), torch.float32)
    torch.testing.assert_close(tensor[0, :, 3, 5], torch.tensor([0.0, 1.0, 0.8]))
    images[:] = 0
    assert tensor[0, 0, 3, 5] == 0  # a copy


@pytest.mark.parametrize(
    "images", [pictures(1).astype(np.float32), pictures(1)[:, :16], pictures(1)[0], pictures(1)[..., :2]]
)
def test_image_tensor_refuses_other_arrays(images):
    with pytest.raises(ValueError, match=r"images must be uint8 RGB pictures, \[batch, 32, 32, 3\], got"):
        contrastive.image_tensor(images)


def test_encode_is_the_evaluation_mode_in_pieces():
    model = contrastive.MiniClip(num_words=6)
    images, bags = torch.rand(5, 3, SIDE, SIDE), torch.rand(7, 6)
    running = model.image_tower[1].running_mean.clone()
    features = contrastive.encode(model, images, bags, batch_size=2)
    assert model.training
    assert torch.equal(model.image_tower[1].running_mean, running)
    assert not features.image_features.requires_grad
    model.eval()
    torch.testing.assert_close(features.image_features, model.encode_image(images).detach())
    torch.testing.assert_close(features.text_features, model.encode_text(bags).detach())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_words": 0}, "num_words must be an integer of at least 1, got 0"),
        ({"dim": 0}, "dim must be an integer of at least 1, got 0"),
        ({"word_dim": 1.5}, r"word_dim must be an integer of at least 1, got float \(1.5\)"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"temperature": 0.0}, "temperature must be greater than 0, got 0.0"),
        ({"logit_bias": float("nan")}, "logit_bias must be finite, got nan"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        contrastive.MiniClip(**{"num_words": 5, **arguments})


# Packing and loading ------------------------------------------------------------------------------------


def packed_into(folder, model, loss, augmented=True):
    content = pack_mini_clip(model, {"loss": loss})
    (folder / "mini_clip").mkdir(exist_ok=True)
    name = mini_clip_file(loss, augmented)
    (folder / name).write_bytes(content)
    (folder / CHECKSUMS).write_text(json.dumps({name: hashlib.sha256(content).hexdigest()}))
    return content


@pytest.mark.parametrize("loss", contrastive.LOSSES)
def test_what_is_packed_is_loaded(tmp_path, loss):
    model = contrastive.new_mini_clip(30, loss).eval()
    content = packed_into(tmp_path, model, loss)
    assert pack_mini_clip(model, {"loss": loss}) == content
    loaded = contrastive.load_mini_clip(loss, folder=tmp_path)
    assert not loaded.training
    assert loaded.scale_and_bias() == model.scale_and_bias()
    assert contrastive.mini_clip_recipe(loss, folder=tmp_path) == {"loss": loss}
    images, bags = contrastive.image_tensor(pictures(4)), torch.rand(4, 30)
    for got, expected in zip(
        contrastive.encode(loaded, images, bags), contrastive.encode(model, images, bags), strict=True
    ):
        assert got.dtype == torch.float32
        assert (got - expected).abs().max() < 2e-3


def test_a_damaged_file_is_refused(tmp_path):
    packed_into(tmp_path, contrastive.MiniClip(30), "infonce")
    path = tmp_path / mini_clip_file("infonce")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="is damaged"):
        contrastive.load_mini_clip(folder=tmp_path)


def test_only_shipped_models_are_loaded():
    with pytest.raises(ValueError, match=r"loss must be one of 'infonce', 'siglip', got 'triplet'\."):
        contrastive.load_mini_clip("triplet")
    with pytest.raises(ValueError, match="loss must be 'infonce' where augmented is False"):
        contrastive.load_mini_clip("siglip", augmented=False)


def test_the_shipped_files_are_small_and_hold_no_pickles():
    files = sorted((DATA_FOLDER / "mini_clip").glob("*.npz"))
    assert {path.name for path in files} == {"infonce.npz", "siglip.npz", "infonce_plain.npz"}
    assert sum(path.stat().st_size for path in files) < 6e6
    for path in files:
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays.files)


def test_two_loads_share_nothing():
    one, other = contrastive.load_mini_clip(), contrastive.load_mini_clip()
    with torch.no_grad():
        one.text_tower[0].weight.zero_()
    assert other.text_tower[0].weight.abs().sum() > 0
