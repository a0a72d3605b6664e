"""The hand-made gradients against autograd, link by link and end to end."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import (
    ClipLossGrad,
    clip_loss,
    clip_loss_grad,
    grad_wrt_logits,
    l2_normalize,
    normalize_grad,
)

BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))


def symmetric_cross_entropy(logits):
    labels = torch.arange(len(logits))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_grad_wrt_logits_equals_autograd(gradients, randn, size, scale, assert_close):
    logits = randn(size, size) * scale
    assert_close(grad_wrt_logits(logits), *gradients(symmetric_cross_entropy, logits))


def test_grad_wrt_logits_in_float32(randn, assert_close):
    logits = randn(7, 7, dtype=torch.float32) * 100
    expected = grad_wrt_logits(logits.double()).float()
    assert_close(grad_wrt_logits(logits), expected, torch.finfo(torch.float32).eps * 7)


@given(st.integers(1, 8), st.integers(0, 10**6), st.floats(0, 1000))
@settings(deadline=None)
def test_grad_wrt_logits_sums_to_zero_and_commutes_with_transposition(randn, size, seed, scale):
    logits = randn(size, size, seed=seed) * scale
    gradient = grad_wrt_logits(logits)
    assert abs(gradient.sum().item()) <= 1e-12
    assert (gradient.diagonal() <= 1e-15).all()
    assert torch.allclose(grad_wrt_logits(logits.T), gradient.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_normalize_grad_equals_autograd(gradients, randn, size, assert_close):
    x, grad_unit = randn(5, 4) * size, randn(5, 4, seed=1)
    (expected,) = gradients(lambda x: (F.normalize(x, dim=1) * grad_unit).sum(), x)
    assert_close(normalize_grad(x, grad_unit) * size, expected * size)


@pytest.mark.parametrize("eps", [1e-12, 1e-3, 0.5, 10.0])
def test_normalize_grad_equals_autograd_on_both_sides_of_eps(gradients, randn, eps, assert_close):
    grad_unit = randn(6, 4, seed=1)
    x = randn(6, 4) * torch.tensor([0.0, 1e-14, 1e-4, 0.01, 0.3, 1.0], dtype=torch.float64)[:, None]
    for normalize in (lambda x: F.normalize(x, dim=1, eps=eps), lambda x: l2_normalize(x, eps)):
        (expected,) = gradients(lambda x, normalize=normalize: (normalize(x) * grad_unit).sum(), x)
        result = normalize_grad(x, grad_unit, eps)
        size = expected.norm(dim=1, keepdim=True)  # from 1 to 1/eps: each row is compared on its own scale
        assert_close(result / size, expected / size)


def test_a_zero_row_gets_the_gradient_divided_by_eps():
    grad_unit = torch.tensor([[1.0, -2.0]])
    assert torch.allclose(normalize_grad(torch.zeros(1, 2), grad_unit), grad_unit * 1e12)


def test_rows_whose_squares_overflow_still_get_their_gradient():
    x, grad_unit = torch.tensor([[3e30, 4e30]]), torch.tensor([[1e30, 0.0]])
    assert torch.allclose(normalize_grad(x, grad_unit), torch.tensor([[0.128, -0.096]]))


@given(BATCHES)
@settings(deadline=None)
def test_normalize_grad_is_orthogonal_to_its_rows(randn, batch):
    size, dim, seed = batch
    x, grad_unit = randn(size, dim, seed=seed), randn(size, dim, seed=seed + 1)
    assert (normalize_grad(x, grad_unit) * x).sum(dim=1).abs().max() <= 1e-12


@pytest.mark.parametrize("scale", [0.0, 1.0, 14.3, 100.0, 1000.0])
@pytest.mark.parametrize(("size", "dim"), [(1, 4), (2, 1), (7, 5), (5, 7)])
def test_clip_loss_grad_equals_autograd(gradients, size, dim, scale, random_pairs, assert_close):
    image, text = random_pairs(size, dim)
    scale = torch.tensor(scale, dtype=torch.float64)
    by_hand = clip_loss_grad(image, text, scale)
    for got, expected in zip(by_hand, gradients(clip_loss, image, text, scale), strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_clip_loss_grad_in_float32(scale, random_pairs, assert_close):
    image, text = random_pairs(16, 8, dtype=torch.float32)
    exact = clip_loss_grad(image.double(), text.double(), scale)
    for got, expected in zip(clip_loss_grad(image, text, scale), exact, strict=True):
        assert_close(got, expected.float(), torch.finfo(torch.float32).eps * 16 * scale)


def test_the_gradients_are_named(random_pairs):
    image, text = random_pairs(3, 2)
    gradient = clip_loss_grad(image, text, 10.0)
    assert isinstance(gradient, ClipLossGrad)
    assert gradient._fields == ("image_features", "text_features", "logit_scale")
    assert gradient.logit_scale.shape == ()


@given(BATCHES, st.floats(0, 1000))
@settings(deadline=None)
def test_swapping_the_towers_swaps_their_gradients(random_pairs, batch, scale):
    image, text = random_pairs(*batch)
    gradient, swapped = clip_loss_grad(image, text, scale), clip_loss_grad(text, image, scale)
    assert torch.allclose(swapped.image_features, gradient.text_features, rtol=0, atol=1e-9)
    assert torch.allclose(swapped.logit_scale, gradient.logit_scale, rtol=0, atol=1e-9)


def test_the_whole_chain_by_hand_equals_autograd_through_the_normalisation(gradients, randn, assert_close):
    image, text, scale = randn(6, 4) * 3, randn(6, 4, seed=1) / 5, torch.tensor(20.0, dtype=torch.float64)
    by_hand = clip_loss_grad(l2_normalize(image), l2_normalize(text), scale)
    expected = gradients(lambda i, t, s: clip_loss(F.normalize(i), F.normalize(t), s), image, text, scale)
    assert_close(normalize_grad(image, by_hand.image_features), expected[0])
    assert_close(normalize_grad(text, by_hand.text_features), expected[1])
    assert_close(by_hand.logit_scale, expected[2])
