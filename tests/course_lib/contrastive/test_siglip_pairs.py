"""What the sigmoid loss tells each pair, and what a logit decides."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.contrastive import match_or_none, siglip_grad_wrt_logits, siglip_grads, siglip_loss

SIZES, SEEDS = st.integers(1, 9), st.integers(0, 10**6)


@given(size=SIZES, seed=SEEDS, spread=st.floats(0, 50))
def test_the_gradient_is_that_of_the_loss(randn, assert_close, size, seed, spread):
    # Texts along the axes turn the image features themselves into the logits.
    logits = spread * randn(size, size, seed=seed)
    leaf = logits.clone().requires_grad_()
    siglip_loss(leaf, torch.eye(size, dtype=torch.float64), 1.0, 0.0).backward()
    assert_close(siglip_grad_wrt_logits(logits), leaf.grad)


@given(size=SIZES, seed=SEEDS)
def test_the_gradient_of_the_bias_is_the_sum(randn, random_pairs, assert_close, size, seed):
    images, texts = random_pairs(size, 4, seed)
    grads = siglip_grads(images, texts, 7.0, -2.0)
    assert_close(siglip_grad_wrt_logits(7.0 * images @ texts.T - 2.0).sum(), grads.logit_bias)


def test_a_learned_positive_keeps_its_small_gradient():
    logits = torch.full((1, 1), 60.0, dtype=torch.float64)
    assert siglip_grad_wrt_logits(logits).item() == -torch.sigmoid(-logits).item() != 0


def test_a_pair_does_not_see_the_others(randn):
    logits = randn(5, 5)
    moved = logits.clone()
    moved[0, 1] += 3
    changed = siglip_grad_wrt_logits(logits) != siglip_grad_wrt_logits(moved)
    assert changed.nonzero().tolist() == [[0, 1]]


@given(rows=SIZES, columns=SIZES, seed=SEEDS, threshold=st.floats(0.01, 0.99))
def test_matching_against_a_loop(randn, rows, columns, seed, threshold):
    logits = 3 * randn(rows, columns, seed=seed)
    expected = []
    for row in logits:
        best = max(range(columns), key=lambda j, row=row: row[j])
        expected.append(best if torch.sigmoid(row[best]) >= threshold else -1)
    assert match_or_none(logits, threshold).tolist() == expected


def test_a_threshold_is_a_probability_and_ties_go_to_the_first():
    logits = torch.tensor([[0.0, 0.0], [-0.1, -2.0]])
    assert match_or_none(logits).tolist() == [0, -1]
    assert match_or_none(logits, 0.4).tolist() == [0, 0]


def test_more_candidates_do_not_move_a_decision(randn):
    logits = randn(6, 3)
    unlikely = torch.full((6, 50), -9.0, dtype=torch.float64)
    assert torch.equal(match_or_none(logits), match_or_none(torch.cat([logits, unlikely], dim=1)))
