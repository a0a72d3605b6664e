"""Unit vectors, cosines and logits against torch's own, and at the edges where those give up."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import cosine_similarity, l2_normalize, similarity_logits

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(0, 10**6))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-15), (torch.float32, 5e-7)])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_l2_normalize_equals_torch(randn, dtype, tolerance, size, assert_close):
    x = randn(7, 5, dtype=dtype) * size
    assert_close(l2_normalize(x), F.normalize(x, dim=1), tolerance)


@pytest.mark.parametrize("size", [1e-13, 3e-13, 1e-12, 1e-11])
def test_around_eps_value_and_gradient_equal_torch(randn, size, assert_close):
    direction = torch.tensor([[0.6, 0.8, 0.0], [0.7, -0.7, 0.14]], dtype=torch.float64)
    cotangent = randn(2, 3)
    x = (direction * size).requires_grad_()
    other = x.detach().clone().requires_grad_()
    ours, torchs = l2_normalize(x), F.normalize(other, dim=1)
    assert_close(ours, torchs, 1e-15)
    (ours * cotangent).sum().backward()
    (torchs * cotangent).sum().backward()
    assert_close(x.grad * size, other.grad * size)


def test_a_zero_row_stays_zero_and_has_a_finite_gradient(assert_close):
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    unit = l2_normalize(x)
    assert_close(unit.detach(), torch.tensor([[0.0, 0.0], [0.6, 0.8]], dtype=torch.float64))
    (unit * torch.tensor([[1.0, 2.0], [4.0, -3.0]], dtype=torch.float64)).sum().backward()
    expected = torch.tensor([[1e12, 2e12], [0.8, -0.6]], dtype=torch.float64)
    assert_close(x.grad, expected, 1e-3)


@pytest.mark.parametrize("size", [1e-10, 1e25, 3e38])
def test_float32_rows_whose_squares_leave_the_range(size):
    x = torch.full((2, 4), size, requires_grad=True)
    unit = l2_normalize(x)
    assert torch.equal(unit, torch.full((2, 4), 0.5))
    unit.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_the_gradient_passes_gradcheck(randn):
    x = randn(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(l2_normalize, (x,), atol=1e-9)
    assert torch.autograd.gradgradcheck(l2_normalize, (x,), atol=1e-7)


@given(SIZES)
@settings(deadline=None)
def test_rows_have_length_one_and_keep_their_direction(randn, sizes):
    n, _, d, seed = sizes
    x = randn(n, d, seed=seed)
    unit = l2_normalize(x)
    assert (unit.norm(dim=1) - 1).abs().max() <= 1e-15 * d + 4e-16
    assert ((unit * x).sum(dim=1) > 0).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 1e-6)])
def test_cosine_similarity_equals_torch(randn, dtype, tolerance, assert_close):
    image, text = randn(4, 6, dtype=dtype) * 50, randn(9, 6, seed=1, dtype=dtype) / 50
    expected = F.cosine_similarity(image[:, None], text[None], dim=2)
    assert_close(cosine_similarity(image, text), expected, tolerance)


@given(SIZES, st.floats(0.01, 100), st.floats(0.01, 100))
@settings(deadline=None)
def test_cosine_forgets_length_keeps_sign_and_is_symmetric(randn, sizes, image_size, text_size):
    n, m, d, seed = sizes
    image, text = randn(n, d, seed=seed), randn(m, d, seed=seed + 1)
    cosine = cosine_similarity(image, text)
    assert torch.allclose(cosine_similarity(image * image_size, text * text_size), cosine, rtol=0, atol=1e-12)
    assert torch.allclose(cosine_similarity(-image, text), -cosine, rtol=0, atol=1e-12)
    assert torch.allclose(cosine_similarity(text, image), cosine.T, rtol=0, atol=1e-12)
    assert cosine.abs().max() <= 1 + 1e-14


def test_antipodal_features_have_cosine_minus_one(randn, assert_close):
    x = randn(3, 8)
    assert_close(cosine_similarity(x, -x).diagonal(), -torch.ones(3, dtype=torch.float64), 1e-15)


@pytest.mark.parametrize(
    "scale", [0.0, -2.0, 1000.0, torch.tensor(14.3), torch.tensor(14.3, dtype=torch.float64)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_are_scaled_cosines_of_the_inputs_dtype(randn, scale, dtype, assert_close):
    image, text = randn(3, 4, dtype=dtype), randn(5, 4, seed=1, dtype=dtype)
    logits = similarity_logits(image, text, scale)
    expected = (cosine_similarity(image, text).double() * float(scale)).to(dtype)
    assert_close(logits, expected, max(1.0, abs(float(scale))) * torch.finfo(dtype).eps)


def test_the_scale_receives_a_gradient(randn, assert_close):
    scale = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
    image, text = randn(3, 4), randn(5, 4, seed=1)
    similarity_logits(image, text, scale).sum().backward()
    assert_close(scale.grad, cosine_similarity(image, text).sum(), 1e-12)
