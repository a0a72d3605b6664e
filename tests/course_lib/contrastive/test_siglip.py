"""The sigmoid loss against its formula, pair by pair; its gradients against autograd; its bias."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import (
    SiglipGrads,
    initial_bias,
    log_sigmoid,
    pair_labels,
    positive_gradient_share,
    siglip_grads,
    siglip_loss,
)

BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))
SCALES, BIASES = st.floats(0, 1000), st.floats(-30, 30)


def pair_by_pair(image, text, scale, bias):
    """The formula as a double loop over binary cross-entropies."""
    total = 0
    for i, image_row in enumerate(image):
        for j, text_row in enumerate(text):
            logit, target = scale * image_row.dot(text_row) + bias, torch.tensor(float(i == j)).to(image)
            total = total + torch.nn.functional.binary_cross_entropy_with_logits(logit, target)
    return total / len(image)


def scalar(value):
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize(("scale", "bias"), [(0.0, 0.0), (10.0, -10.0), (117.3, -12.9), (1000.0, 5.0)])
@pytest.mark.parametrize(("size", "dim"), [(1, 4), (2, 1), (7, 5), (5, 7)])
def test_value_and_gradients_equal_the_double_loop(
    gradients, scale, bias, size, dim, random_pairs, assert_close
):
    arguments = (*random_pairs(size, dim), scalar(scale), scalar(bias))
    assert_close(siglip_loss(*arguments), pair_by_pair(*arguments))
    expected = gradients(pair_by_pair, *arguments)
    by_hand = siglip_grads(*arguments)
    for got, ours, theirs in zip(gradients(siglip_loss, *arguments), by_hand, expected, strict=True):
        assert_close(got, theirs)
        assert_close(ours, theirs)


def test_the_gradients_are_named(random_pairs):
    grads = siglip_grads(*random_pairs(3, 2), 10.0, -10.0)
    assert isinstance(grads, SiglipGrads)
    assert grads._fields == ("image_features", "text_features", "logit_scale", "logit_bias")
    assert grads.logit_scale.shape == grads.logit_bias.shape == ()


def test_the_gradient_passes_gradcheck_to_second_order(random_pairs):
    arguments = [tensor.requires_grad_() for tensor in (*random_pairs(4, 3), scalar(3.0), scalar(-1.0))]
    assert torch.autograd.gradcheck(siglip_loss, arguments, atol=1e-9)
    assert torch.autograd.gradgradcheck(siglip_loss, arguments, atol=1e-7)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_float32_is_as_exact_as_its_logits(scale, random_pairs, assert_close):
    image, text = random_pairs(16, 8, dtype=torch.float32)
    expected = pair_by_pair(image.double(), text.double(), scale, -10.0)
    assert_close(siglip_loss(image, text, scale, -10.0).double(), expected, 1.2e-7 * 16 * 16 * (scale + 10))


def test_the_bias_stands_inside_the_sign():
    """A bias outside could drive the loss to 0 on its own; here it pays for each negative."""
    image, text = torch.eye(4), torch.eye(4).flip(0)
    assert siglip_loss(image, text, 1.0, 30.0) > 3 * 29


def test_transposing_and_reordering_change_nothing(random_pairs):
    image, text = random_pairs(6, 3)
    value = siglip_loss(image, text, 10.0, -5.0)
    assert torch.allclose(siglip_loss(text, image, 10.0, -5.0), value, rtol=0, atol=1e-12)
    assert torch.allclose(siglip_loss(image.flip(0), text.flip(0), 10.0, -5.0), value, rtol=0, atol=1e-12)


def test_torch_func_sees_through_the_checks(gradients, random_pairs):
    arguments = (*random_pairs(4, 3), scalar(5.0), scalar(-2.0))
    by_func = torch.func.grad(siglip_loss, argnums=(0, 1, 2, 3))(*arguments)
    for got, expected in zip(by_func, gradients(siglip_loss, *arguments), strict=True):
        assert torch.allclose(got, expected)


def test_labels():
    assert pair_labels(3).tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    assert pair_labels(1).tolist() == [[1]]
    assert pair_labels(2, dtype=torch.float64, device="cpu").dtype == torch.float64


def test_log_sigmoid_is_exact_far_out(assert_close):
    logits = torch.tensor([[-1000.0, -120.0, -21.0, 0.0, 19.0, 21.0, 40.0, 1000.0]], dtype=torch.float64)
    expected = [min(x, 0) - math.log1p(math.exp(-abs(x))) for x in logits[0].tolist()]
    result = log_sigmoid(logits)
    assert result[0].tolist() == pytest.approx(expected, rel=1e-14, abs=0)
    assert log_sigmoid(logits.float())[0, :2].tolist() == [-1000, -120]


@pytest.mark.parametrize("batch", [2, 3, 64, 4096])
def test_the_initial_bias_is_the_minimum_for_blind_embeddings(batch):
    image = torch.zeros(batch, 1, dtype=torch.float64)
    bias = scalar(initial_bias(batch)).requires_grad_()
    loss = siglip_loss(image, image, 1.0, bias)
    (slope,) = torch.autograd.grad(loss, bias)
    assert abs(slope.item()) <= 1e-12
    for step in (-0.1, 0.1):
        assert siglip_loss(image, image, 1.0, bias.detach() + step) > loss


@given(st.integers(1, 9), BIASES)
@settings(deadline=None)
def test_the_share_of_the_positives_is_that_of_the_gradients(batch, bias):
    image = torch.zeros(batch, 1, dtype=torch.float64)
    weight = torch.autograd.functional.jacobian(
        lambda logits: (
            -torch.nn.functional.logsigmoid(pair_labels(batch, dtype=torch.float64) * logits).sum()
        ),
        image @ image.T + bias,
    ).abs()
    share = (weight.trace() / weight.sum()).item()
    assert positive_gradient_share(batch, bias) == pytest.approx(share, abs=1e-12)
    assert positive_gradient_share(batch, scalar(bias)) == positive_gradient_share(batch, bias)


def test_the_share_of_the_positives_at_marked_places():
    assert initial_bias(2) == 0
    assert positive_gradient_share(4096, initial_bias(4096)) == 0.5
    assert positive_gradient_share(1, 5.0) == 1
    assert positive_gradient_share(10, 5000.0) == 0
    assert positive_gradient_share(10, -5000.0) == 1
