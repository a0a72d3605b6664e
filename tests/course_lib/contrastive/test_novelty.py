"""Novelty against a loop over sets."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import Novelty, novelty

DRAWINGS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=8)


def columns(pairs):
    concepts, domains = zip(*pairs, strict=True)
    return torch.tensor(concepts), torch.tensor(domains)


def looked_up(pair, train):
    if pair in train:
        return Novelty.SEEN
    if pair[0] in {concept for concept, _ in train}:
        return Novelty.DOMAIN_SHIFT
    return Novelty.ZERO_SHOT if pair[1] in {domain for _, domain in train} else Novelty.BOTH


@given(DRAWINGS, DRAWINGS)
@settings(deadline=None)
def test_equals_looking_up(train, test):
    got = novelty(*columns(train), *columns(test))
    assert got.dtype == torch.int64
    assert got.tolist() == [looked_up(pair, train) for pair in test]


@pytest.mark.parametrize(
    ("place", "value", "kind", "message"),
    [
        (0, torch.ones(2), TypeError, "train_concepts must be torch.int64, got torch.float32"),
        (1, torch.tensor([1]), ValueError, "train_domains must have as many rows as train_concepts: expected 2, got 1"),
        (2, torch.ones(2, 1).long(), ValueError, "test_concepts must have 1 axis"),
        (3, torch.ones(0).long(), ValueError, "test_domains must not be empty"),
        (0, [1, 2], TypeError, "train_concepts must be a torch.Tensor, got list"),
    ],
)  # fmt: skip
def test_bad_inputs(place, value, kind, message):
    arguments = [torch.tensor([0, 1])] * 4
    arguments[place] = value
    with pytest.raises(kind, match=message):
        novelty(*arguments)
