"""Corrupted captions: exactly the share, none in its own place, the rest untouched."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from course_lib.contrastive import corrupt_pairs


@given(st.integers(1, 200), st.floats(0, 1), st.integers(0, 1000))
def test_exactly_the_share_is_wrong_and_every_caption_is_used_once(num_pairs, share, seed):
    assume(round(share * num_pairs) != 1)
    rows = corrupt_pairs(num_pairs, share, seed)
    assert int((rows != torch.arange(num_pairs)).sum()) == round(share * num_pairs)
    assert sorted(rows.tolist()) == list(range(num_pairs))


def test_a_seed_chooses_which():
    assert torch.equal(corrupt_pairs(50, 0.3, 1), corrupt_pairs(50, 0.3, 1))
    assert not torch.equal(corrupt_pairs(50, 0.3, 1), corrupt_pairs(50, 0.3, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.5), "num_pairs must be an integer of at least 1, got 0"),
        ((10, -0.1), r"share must be a number from 0 to 1, got -0\.1"),
        ((10, float("nan")), "share must be a number from 0 to 1, got nan"),
        ((10, "half"), "share must be a number from 0 to 1, got str"),
        ((10, 0.1), r"share must corrupt no caption or at least two, .*, got 0\.1: one of 10"),
        ((10, 0.5, -1), "seed must be an integer of at least 0, got -1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        corrupt_pairs(*arguments)
