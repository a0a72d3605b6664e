"""Log-probabilities against torch's own, where the naive formula overflows, and by their laws."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_lib.contrastive import log_softmax_rows

LOGITS = hnp.arrays(
    "float64", hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-1e3, 1e3)
)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(randn, scale, dtype, assert_close):
    logits = randn(6, 4, dtype=dtype) * scale
    assert_close(
        log_softmax_rows(logits), torch.log_softmax(logits, dim=1), 10 * scale * torch.finfo(dtype).eps
    )


def test_rows_not_columns(randn):
    logits = randn(3, 5)
    assert torch.allclose(log_softmax_rows(logits).exp().sum(dim=1), torch.ones(3, dtype=torch.float64))


def test_improbable_classes_keep_their_log_probability():
    assert torch.equal(log_softmax_rows(torch.tensor([[0.0, 1000.0]])), torch.tensor([[-1000.0, 0.0]]))


def test_the_gradient_passes_gradcheck_also_at_ties(randn):
    logits = torch.cat([randn(3, 4), torch.ones(1, 4, dtype=torch.float64)]).requires_grad_()
    assert torch.autograd.gradcheck(log_softmax_rows, (logits,), atol=1e-9)
    assert torch.autograd.gradgradcheck(log_softmax_rows, (logits,), atol=1e-9)


@given(LOGITS, st.floats(-1e3, 1e3))
@settings(deadline=None)
def test_adding_a_constant_changes_nothing_and_order_is_kept(array, constant):
    logits = torch.from_numpy(array)
    result = log_softmax_rows(logits)
    assert (result <= 0).all()
    assert torch.allclose(log_softmax_rows(logits + constant), result, rtol=0, atol=1e-9)
    assert torch.allclose(log_softmax_rows(logits.flip(1)), result.flip(1), rtol=0, atol=1e-9)
    assert torch.allclose(result.exp().sum(dim=1), torch.ones(len(logits), dtype=torch.float64), atol=1e-12)
