"""The sigmoid loss in blocks equals the one in one piece, for any block."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import siglip_loss, siglip_loss_chunked


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6)),
    st.floats(0, 1000),
    st.floats(-30, 30),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_value_and_gradients_for_any_chunk(gradients, random_pairs, assert_close, batch, scale, bias, chunk):
    scalars = (torch.tensor(value, dtype=torch.float64) for value in (scale, bias))
    arguments = (*random_pairs(*batch), *scalars)
    assert_close(siglip_loss_chunked(*arguments, chunk=chunk), siglip_loss(*arguments))
    ours = gradients(lambda *leaves: siglip_loss_chunked(*leaves, chunk=chunk), *arguments)
    for got, expected in zip(ours, gradients(siglip_loss, *arguments), strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("chunk", [1, 3, 512])
def test_the_gradient_passes_gradcheck(random_pairs, chunk):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(4, 3))
    scalars = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (3.0, -1.0)]
    loss = lambda *leaves: siglip_loss_chunked(*leaves, chunk=chunk)  # noqa: E731
    assert torch.autograd.gradcheck(loss, (image, text, *scalars), atol=1e-9)
