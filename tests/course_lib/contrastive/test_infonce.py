"""InfoNCE against torch's cross-entropy, by its laws, and where a naive softmax fails."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import clip_loss, image_to_text_loss, text_to_image_loss

LOSSES = [image_to_text_loss, text_to_image_loss, clip_loss]
BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))
SCALES = st.floats(0, 1000)


def reference(loss, image, text, scale):
    """The same losses from torch's cross-entropy and its integer labels."""
    logits = scale * image @ text.T
    labels = torch.arange(len(image))
    rows, columns = F.cross_entropy(logits, labels), F.cross_entropy(logits.T, labels)
    return {"image_to_text_loss": rows, "text_to_image_loss": columns, "clip_loss": (rows + columns) / 2}[
        loss.__name__
    ]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [0.0, 1.0, 14.3, 100.0, 1000.0])
@pytest.mark.parametrize(("size", "dim"), [(1, 4), (2, 1), (7, 5), (5, 7)])
def test_value_and_gradients_equal_cross_entropy(
    gradients, loss, scale, size, dim, random_pairs, assert_close
):
    image, text = random_pairs(size, dim)
    scale = torch.tensor(scale, dtype=torch.float64)
    assert_close(loss(image, text, scale), reference(loss, image, text, scale))
    ours = gradients(loss, image, text, scale)
    torchs = gradients(lambda *leaves: reference(loss, *leaves), image, text, scale)
    for got, expected in zip(ours, torchs, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_float32_is_as_exact_as_its_logits(loss, scale, random_pairs, assert_close):
    image, text = random_pairs(16, 8, dtype=torch.float32)
    expected = reference(loss, image.double(), text.double(), scale)
    result = loss(image, text, scale)
    assert result.dtype == torch.float32
    assert_close(result.double(), expected, torch.finfo(torch.float32).eps * 16 * scale)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_passes_gradcheck(loss, random_pairs):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(4, 3))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (image, text, scale), atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_float_and_a_tensor_scale_agree(loss, random_pairs):
    image, text = random_pairs(5, 3)
    assert torch.equal(loss(image, text, 14.5), loss(image, text, torch.tensor(14.5)))


def test_features_are_not_normalised_again(gradients, random_pairs):
    image, text = random_pairs(5, 3)
    assert torch.allclose(clip_loss(2 * image, text, 10.0), clip_loss(image, text, 20.0))
    grad_image, _, _ = gradients(clip_loss, image, text, torch.tensor(10.0, dtype=torch.float64))
    radial = (grad_image * image).sum(dim=1)
    assert radial.abs().max() > 1e-2


def test_hot_antipodal_pairs_cost_the_whole_gap():
    image = torch.eye(4)[:2]
    assert clip_loss(image, -image, 1000.0) == 1000  # positives at −1000, negatives at 0


def test_a_hot_batch_counted_by_hand():
    image = torch.tensor([[1.0, 0.0]] * 3)  # collapsed: each row of logits is −1000, 1000, 1000
    text = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    image_to_text, text_to_image = (2000 + 3 * math.log(2)) / 3, math.log(3)
    assert image_to_text_loss(image, text, 1000.0).item() == pytest.approx(image_to_text)
    assert text_to_image_loss(image, text, 1000.0).item() == pytest.approx(text_to_image)
    assert clip_loss(image, text, 1000.0).item() == pytest.approx((image_to_text + text_to_image) / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_of_one_has_nothing_to_tell_apart(loss, random_pairs):
    image, text = random_pairs(1, 3)
    assert loss(image, text, 100.0) == 0


@given(BATCHES)
@settings(deadline=None)
def test_equal_logits_cost_log_n(random_pairs, batch):
    size, dim, seed = batch
    image, text = random_pairs(size, dim, seed)
    for loss in LOSSES:
        assert loss(image, text, 0.0).item() == pytest.approx(math.log(size), abs=1e-12)
        assert loss(image[:1].expand(size, dim), text[:1].expand(size, dim), 50.0).item() == pytest.approx(
            math.log(size), abs=1e-12
        )


@given(BATCHES, SCALES)
@settings(deadline=None)
def test_swapping_the_towers_swaps_the_directions(random_pairs, batch, scale):
    image, text = random_pairs(*batch)
    tolerance = {"rtol": 0, "atol": 1e-9}
    assert torch.allclose(clip_loss(image, text, scale), clip_loss(text, image, scale), **tolerance)
    swapped = text_to_image_loss(text, image, scale)
    assert torch.allclose(image_to_text_loss(image, text, scale), swapped, **tolerance)


@given(BATCHES, SCALES)
@settings(deadline=None)
def test_the_order_of_pairs_does_not_matter(random_pairs, batch, scale):
    image, text = random_pairs(*batch)
    order = torch.randperm(len(image), generator=torch.Generator().manual_seed(batch[2]))
    for loss in LOSSES:
        assert torch.allclose(
            loss(image[order], text[order], scale), loss(image, text, scale), rtol=0, atol=1e-9
        )


@given(BATCHES, SCALES)
@settings(deadline=None)
def test_turning_both_towers_together_does_not_matter(random_pairs, batch, scale):
    image, text = random_pairs(*batch)
    dim = image.shape[1]
    generator = torch.Generator().manual_seed(batch[2])
    rotation, _ = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))
    for loss in LOSSES:
        turned = loss(image @ rotation, text @ rotation, scale)
        assert torch.allclose(turned, loss(image, text, scale), rtol=0, atol=1e-9)


@given(BATCHES, SCALES)
@settings(deadline=None)
def test_the_loss_is_not_negative_and_bounded_by_the_spread_of_logits(random_pairs, batch, scale):
    image, text = random_pairs(*batch)
    for loss in LOSSES:
        value = loss(image, text, scale).item()
        assert -1e-12 <= value <= math.log(len(image)) + 2 * scale + 1e-9


def test_torch_func_and_compile_see_through_the_checks(gradients, random_pairs):
    image, text = random_pairs(4, 3)
    scale = torch.tensor(5.0, dtype=torch.float64)
    by_func = torch.func.grad(clip_loss, argnums=(0, 1, 2))(image, text, scale)
    for got, expected in zip(by_func, gradients(clip_loss, image, text, scale), strict=True):
        assert torch.allclose(got, expected)
    scales = torch.tensor([1.0, 5.0], dtype=torch.float64)
    over_scales = torch.func.vmap(clip_loss, in_dims=(None, None, 0))(image, text, scales)
    assert torch.allclose(over_scales, torch.stack([clip_loss(image, text, s) for s in scales]))
    compiled = torch.compile(clip_loss, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(image, text, scale), clip_loss(image, text, scale))
