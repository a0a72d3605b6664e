"""The expected calibration error: by hand, against a loop, at the edges of its bins; and its refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import expected_calibration_error

CONFIDENCE, CORRECT = torch.tensor([0.2, 0.9]), torch.tensor([False, True])


def by_loop(confidence, correct, bins):
    """The definition, with plain numbers."""
    total = 0.0
    for b in range(bins):
        inside = [
            i for i, c in enumerate(confidence) if (b / bins < c <= (b + 1) / bins) or (b == 0 and c == 0)
        ]
        if inside:
            accuracy = np.mean([bool(correct[i]) for i in inside])
            total += len(inside) / len(confidence) * abs(accuracy - np.mean([confidence[i] for i in inside]))
    return total


def test_by_hand():
    confidence = torch.tensor([0.1, 0.1, 0.9, 0.9], dtype=torch.float64)
    correct = torch.tensor([False, False, True, False])
    assert expected_calibration_error(confidence, correct, 2).item() == pytest.approx((0.1 + 0.4) / 2)
    assert expected_calibration_error(confidence, correct, 1).item() == pytest.approx(0.25)


@given(st.integers(1, 60), st.sampled_from([1, 2, 4, 8, 16]), st.integers(0, 10**6))
@settings(deadline=None)
def test_against_a_loop_edges_included(count, bins, seed):
    rng = np.random.default_rng(seed)
    confidence = rng.integers(0, 65, size=count) / 64  # many of them on edges, which are exact
    correct = rng.random(count) < 0.5
    got = expected_calibration_error(torch.tensor(confidence), torch.tensor(correct), bins)
    assert got.item() == pytest.approx(by_loop(confidence, correct, bins), abs=1e-12)


def test_a_calibrated_forecast_has_a_small_error():
    rng = np.random.default_rng(0)
    confidence = rng.random(200_000)
    correct = rng.random(200_000) < confidence
    calibrated = expected_calibration_error(torch.tensor(confidence), torch.tensor(correct))
    assert calibrated < 0.01
    overconfident = expected_calibration_error(torch.tensor(confidence**0.5), torch.tensor(correct))
    assert overconfident.item() == pytest.approx(2 / 3 - 1 / 2, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_keeps_the_dtype(dtype):
    result = expected_calibration_error(CONFIDENCE.to(dtype), CORRECT)
    assert (result.dtype, result.shape) == (dtype, ())


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"confidence": [0.5]}, TypeError, "confidence must be a torch.Tensor, got list"),
        ({"confidence": torch.ones(2, 2)}, ValueError, r"confidence must have 1 axis, \[samples\]"),
        ({"confidence": torch.ones(0)}, ValueError, "confidence must not be empty"),
        ({"confidence": torch.tensor([0.5, torch.nan])}, ValueError, r"finite, got nan at index \[1\]"),
        (
            {"confidence": torch.tensor([0.5, 1.5])},
            ValueError,
            "confidence must lie between 0 and 1, got 1.5",
        ),
        (
            {"confidence": torch.tensor([-0.5, 0.5])},
            ValueError,
            "confidence must lie between 0 and 1, got -0.5",
        ),
        ({"correct": [True, False]}, TypeError, "correct must be a torch.Tensor, got list"),
        ({"correct": torch.tensor([1, 0])}, TypeError, "correct must be torch.bool, got torch.int64"),
        (
            {"correct": torch.tensor([True])},
            ValueError,
            r"the shape of confidence: expected \[2\], got \[1\]",
        ),
        ({"bins": 0}, ValueError, "bins must be an integer of at least 1, got 0"),
        ({"bins": 2.0}, TypeError, "bins must be an integer of at least 1, got float"),
    ],
)
def test_bad_arguments(changes, kind, message):
    with pytest.raises(kind, match=message):
        expected_calibration_error(**({"confidence": CONFIDENCE, "correct": CORRECT} | changes))
