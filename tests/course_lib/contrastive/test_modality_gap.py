"""The modality gap: known values, symmetries, and what it must not depend on."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import modality_gap


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 2, math.pi])
def test_two_points_at_an_angle(angle):
    images = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    texts = 5 * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    assert modality_gap(images, texts).item() == pytest.approx(2 * math.sin(angle / 2), abs=1e-12)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
@settings(deadline=None)
def test_it_is_a_distance(images, texts, seed):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (images, texts))
    gap = modality_gap(x, y)
    assert 0 <= gap <= 2
    assert torch.isclose(gap, modality_gap(y, x))
    assert torch.isclose(gap, modality_gap(3 * x, y / 7))
    assert modality_gap(x, x.flip(0)) < 1e-12


def test_two_samples_of_one_cloud_have_the_gap_that_the_docstring_says(randn):
    gaps = [
        modality_gap(randn(200, 16, seed=s), randn(100, 16, seed=s + 1000)).item() ** 2 for s in range(40)
    ]
    assert sum(gaps) / len(gaps) == pytest.approx(1 / 200 + 1 / 100, rel=0.15)
