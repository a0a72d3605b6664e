"""The modality gap: its value by hand, what it does not depend on, and its share of the variance."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import l2_normalize, modality_gap, modality_share


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))
@settings(deadline=None)
def test_equals_its_definition(size, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    images, texts = (
        l2_normalize(torch.randn(size, dim, generator=generator, dtype=torch.float64)) for _ in range(2)
    )
    rows = zip(images.T.tolist(), texts.T.tolist(), strict=True)
    expected = sum((sum(x) / size - sum(y) / size) ** 2 for x, y in rows) ** 0.5
    assert float(modality_gap(images, texts)) == pytest.approx(expected, abs=1e-12)
    everything = torch.cat([images, texts])
    variance = float(((everything - everything.mean(0)) ** 2).sum(1).mean())
    assert float(modality_share(images, texts)) * variance == pytest.approx((expected / 2) ** 2, abs=1e-12)


def test_pairing_does_not_matter_and_either_side_may_come_first(random_pairs, assert_close):
    images, texts = random_pairs(6, 4)
    for measure in (modality_gap, modality_share):
        assert_close(measure(images, texts.flip(0)), measure(images, texts))
        assert_close(measure(texts, images), measure(images, texts))


def test_the_ends_of_the_range():
    one_point = torch.ones(3, 1)
    assert modality_gap(one_point, -one_point) == 2
    assert modality_share(one_point, -one_point) == 1
    assert modality_gap(one_point, one_point) == 0
    assert modality_share(one_point, one_point) == 0  # not 0/0


def test_the_gap_follows_a_known_shift(randn, assert_close):
    features = l2_normalize(randn(8, 3))
    turned = l2_normalize(features + torch.tensor([5.0, 0.0, 0.0], dtype=torch.float64))
    assert modality_gap(features, turned) > 0.5
    assert modality_share(features, turned) > 0.2


def test_gradients(random_pairs):
    images, texts = (features.requires_grad_() for features in random_pairs(5, 3))
    assert torch.autograd.gradcheck(modality_gap, (images, texts))
    assert torch.autograd.gradcheck(modality_share, (images, texts))
