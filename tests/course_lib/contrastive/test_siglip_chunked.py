"""The sigmoid loss in blocks: the value and all gradients of the loss in one piece, never its N×N matrix."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import siglip_loss, siglip_loss_chunked


def scalar(value):
    return torch.tensor(value, dtype=torch.float64)


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6)),
    st.floats(-1000, 1000),
    st.floats(-30, 30),
    st.integers(1, 12),
    st.sampled_from(["random", "equal", "antipodal"]),
)
@settings(deadline=None, max_examples=200)
def test_value_and_gradients_for_any_chunk(
    gradients, random_pairs, assert_close, batch, scale, bias, chunk, kind
):
    image, text = random_pairs(*batch)
    text = {"random": text, "equal": image, "antipodal": -image}[kind]
    arguments = (image, text, scalar(scale), scalar(bias))
    assert_close(siglip_loss_chunked(*arguments, chunk=chunk), siglip_loss(*arguments))
    ours = gradients(lambda *leaves: siglip_loss_chunked(*leaves, chunk=chunk), *arguments)
    for got, expected in zip(ours, gradients(siglip_loss, *arguments), strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("chunk", [1, 3, 512])
def test_the_gradient_passes_gradcheck(random_pairs, chunk):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(4, 3))
    scalars = [scalar(value).requires_grad_() for value in (3.0, -1.0)]
    loss = lambda *leaves: siglip_loss_chunked(*leaves, chunk=chunk)  # noqa: E731
    assert torch.autograd.gradcheck(loss, (image, text, *scalars), atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0, 1000.0])
def test_float32_is_as_exact_as_its_logits(gradients, random_pairs, assert_close, scale):
    image, text = random_pairs(40, 16, dtype=torch.float32)
    exact = (image.double(), text.double(), scalar(scale), scalar(-10.0))
    arguments = [argument.float() for argument in exact]
    tolerance = torch.finfo(torch.float32).eps * 16 * (scale + 10) * 40  # N² terms over N
    loss = lambda *leaves: siglip_loss_chunked(*leaves, chunk=16)  # noqa: E731
    assert_close(loss(*arguments).double(), siglip_loss(*exact), tolerance)
    ours, theirs = gradients(loss, *arguments), gradients(siglip_loss, *exact)
    for got, expected, unit in zip(ours, theirs, (scale, scale, 1, 1), strict=True):
        assert got.dtype == torch.float32
        assert_close(got.double() / unit, expected / unit, tolerance)


def test_a_learned_pair_keeps_its_small_loss():
    """log σ(−ℓ) + ℓ would cancel here, and leave the rounding of ℓ."""
    image = torch.ones(1, 1)
    assert siglip_loss_chunked(image, image, 20.0, 0.0).item() == pytest.approx(2.0611536e-9, rel=1e-5)


@pytest.mark.parametrize("wanted", range(16))
def test_gradients_only_for_the_inputs_that_need_them(
    allocations, random_pairs, gradients, assert_close, wanted
):
    arguments = (*random_pairs(5, 3), scalar(10.0), scalar(-5.0))
    expected = gradients(siglip_loss, *arguments)
    wants = [bool(wanted & 1 << place) for place in range(4)]
    leaves = [x.clone().requires_grad_(want) for x, want in zip(arguments, wants, strict=True)]
    with allocations() as seen:
        loss = siglip_loss_chunked(*leaves, chunk=2)
        if any(wants):
            loss.backward()
    assert loss.requires_grad == any(wants)
    for leaf, want, gradient in zip(leaves, wants, expected, strict=True):
        assert (leaf.grad is not None) == want
        if want:
            assert_close(leaf.grad, gradient)
    image, text, scale, _ = wants
    assert seen.calls("addmm_") == 9 * (1 + max(image + text, scale))


def test_without_gradients_only_the_logits_are_computed(allocations, random_pairs):
    image, text = random_pairs(5, 3)
    with torch.no_grad(), allocations() as seen:
        siglip_loss_chunked(image.requires_grad_(), text, 10.0, -5.0, chunk=2)
    assert (seen.calls("addmm_"), seen.calls("sigmoid_")) == (9, 0)


def test_the_upstream_gradient_is_respected(random_pairs, gradients, assert_close):
    arguments = (*random_pairs(5, 3), scalar(10.0), scalar(-5.0))
    ours = gradients(lambda *leaves: -7 * siglip_loss_chunked(*leaves, chunk=2) ** 2, *arguments)
    theirs = gradients(lambda *leaves: -7 * siglip_loss(*leaves) ** 2, *arguments)
    for got, expected in zip(ours, theirs, strict=True):
        assert_close(got, expected)


def test_a_second_backward_pass_finds_everything_as_it_was(random_pairs):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(6, 3))
    loss = siglip_loss_chunked(image, text, 10.0, -5.0, chunk=4)
    first = torch.autograd.grad(loss, (image, text), retain_graph=True)
    second = torch.autograd.grad(loss, (image, text))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_second_derivative_is_refused(random_pairs):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(4, 3))
    loss = siglip_loss_chunked(image, text, 10.0, -5.0)
    with pytest.raises(
        RuntimeError, match=r"^siglip_loss_chunked has no second derivative: use siglip_loss\.$"
    ):
        torch.autograd.grad(loss, image, create_graph=True)


def test_floats_and_tensors_agree_and_any_layout_will_do(random_pairs, assert_close):
    image, text = random_pairs(10, 6)
    expected = siglip_loss(image, text, 20.0, -5.0)
    assert_close(siglip_loss_chunked(image.T.contiguous().T, text, 20.0, scalar(-5.0), chunk=4), expected)
    assert_close(siglip_loss_chunked(image, text, scalar(20.0), -5.0, chunk=4), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scalars_keep_their_dtype(random_pairs, dtype):
    image, text = random_pairs(5, 3, dtype=torch.float32)
    scale, bias = (torch.tensor(value, dtype=dtype, requires_grad=True) for value in (10.0, -5.0))
    loss = siglip_loss_chunked(image, text, scale, bias)
    assert loss.dtype == torch.float32
    assert {grad.dtype for grad in torch.autograd.grad(loss, (scale, bias))} == {dtype}


def test_the_whole_matrix_is_never_there(allocations, random_pairs):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(256, 4, dtype=torch.float32))
    with allocations() as seen:
        siglip_loss_chunked(image, text, 10.0, -10.0, chunk=32).backward()
    assert seen.largest <= 4 * 32 * 32
    with allocations() as seen:
        siglip_loss(image, text, 10.0, -10.0).backward()
    assert seen.largest == 4 * 256 * 256
