"""`is_stable` against a softmax that is really computed without a shift."""

import math

import pytest
import torch

from course_lib.contrastive import is_stable


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [1, 8, 1000])
def test_it_says_where_the_denominator_overflows(dtype, batch):
    largest = torch.finfo(dtype).max
    limit = math.log(largest) - math.log(batch)
    scales = torch.tensor([limit - 0.5, limit - 0.01, limit + 0.01, limit + 0.5], dtype=torch.float64)
    worst = torch.ones(batch, dtype=torch.float64)  # all cosines 1
    finite = [bool((c * worst).exp().to(dtype).double().sum().to(dtype).isfinite()) for c in scales]
    assert is_stable(scales, batch, largest).tolist() == finite == [True, True, False, False]


def test_clips_limit_is_not_stable_in_float32():
    assert is_stable(torch.tensor([88.7, 88.8, 100.0]), 1, torch.finfo(torch.float32).max).tolist() == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((100.0, 1, 1e38), TypeError, "logit_scale must be a torch.Tensor, got float"),
        ((torch.tensor(100.0), 1, 1e38), ValueError, r"logit_scale must have 1 axis, \[scales\]"),
        ((torch.tensor([1.0, 0.0]), 1, 1e38), ValueError, "logit_scale must be greater than 0, got 0.0"),
        ((torch.ones(2), 0, 1e38), ValueError, "batch must be an integer of at least 1, got 0"),
        ((torch.ones(2), 1, math.inf), ValueError, "largest must be finite, got inf"),
        ((torch.ones(2), 1, 0.0), ValueError, "largest must be greater than 0, got 0.0"),
    ],
)
def test_bad_arguments(arguments, kind, message):
    with pytest.raises(kind, match=message):
        is_stable(*arguments)
