"""The experiments of lesson 03 measure what the lesson says they measure."""

import math

import pytest
import torch

from course_lib import contrastive
from course_lib.experiments import siglip as experiments
from course_lib.experiments.siglip.decisions import trained_logits
from course_lib.experiments.siglip.printed import SCALE, random_pairs

SCALAR = {"dtype": torch.float64}


def test_the_printed_loss_is_the_cards_formula():
    images, texts = random_pairs(5, 3)
    total = 0.0
    for i, image in enumerate(images):
        for j, text in enumerate(texts):
            sign = 1.0 if i == j else -1.0
            total += math.log(1 / (1 + math.exp(-(sign * float(image @ text) / 0.1 - 1.5))))
    assert float(experiments.loss_as_printed(images, texts, 10.0, -1.5)) == pytest.approx(-total / 5)


def test_with_a_bias_of_zero_both_losses_are_one():
    images, texts = random_pairs(6, 4)
    printed = float(experiments.loss_as_printed(images, texts, 7.0, 0.0))
    assert printed == pytest.approx(float(contrastive.siglip_loss(images, texts, 7.0, 0.0)))


def test_the_printed_loss_is_driven_to_zero_by_its_bias_and_the_right_one_is_not():
    printed = experiments.printed_bias()
    assert list(printed.printed) == sorted(printed.printed, reverse=True)
    assert printed.last < 1e-6
    assert min(printed.inside) > 5
    assert printed.inside[-1] > 1000


def test_descent_on_the_bias_alone():
    alone = experiments.bias_alone(steps=(0, 10, 1000))
    assert alone.printed_bias[0] == alone.inside_bias[0] == -10
    assert list(alone.printed_bias) == sorted(alone.printed_bias)
    # The right loss has a lowest point, half the variance of the logits below b*.
    images, texts = random_pairs(64, 64)
    logits = SCALE * images @ texts.T
    slope = contrastive.siglip_grad_wrt_logits(logits + alone.inside_bias[-1]).sum()
    assert abs(float(slope)) < 0.3
    assert alone.inside_bias[-1] == pytest.approx(alone.best_bias - float(logits.var()) / 2, abs=0.3)


@pytest.mark.parametrize("right", [True, False])
def test_descent_follows_autograd(right):
    name = "inside" if right else "printed"
    alone = experiments.bias_alone(batch=6, dim=3, steps=(0, 1), rate=0.5)
    images, texts = random_pairs(6, 3)
    bias = torch.tensor(-10.0, requires_grad=True, **SCALAR)
    loss_of = contrastive.siglip_loss if right else experiments.loss_as_printed
    (slope,) = torch.autograd.grad(loss_of(images, texts, SCALE, bias), bias)
    expected = -10 - 0.5 * float(slope) / 6
    assert getattr(alone, f"{name}_bias")[1] == pytest.approx(expected)


def test_untrained_losses_and_shares_against_the_whole_matrix():
    start = experiments.untrained(batch=96, dim=32)
    images, texts = random_pairs(96, 32)
    for bias, loss, share in zip(start.biases, start.losses, start.shares, strict=True):
        assert loss == pytest.approx(float(contrastive.siglip_loss(images, texts, SCALE, bias)), rel=1e-5)
        sizes = contrastive.siglip_grad_wrt_logits(SCALE * images @ texts.T + bias).abs()
        assert share == pytest.approx(float(sizes.diagonal().sum() / sizes.sum()), rel=1e-4)


def test_without_spread_an_untrained_model_is_in_closed_form():
    start = experiments.untrained(batch=64, dim=16)
    assert start.without_spread[0] == pytest.approx(64 * math.log(2))
    assert start.exact_shares[0] == pytest.approx(1 / 64)
    assert start.exact_shares[2] == pytest.approx(0.5)
    assert contrastive.initial_bias(start.batch_of_ten) == pytest.approx(-10, abs=1e-4)


def test_the_best_bias_is_found_where_it_is_predicted():
    best = experiments.best_bias(batches=(16, 256))
    assert best.found == pytest.approx(best.corrected, abs=0.03)
    assert all(loss > floor for loss, floor in zip(best.loss, best.log_n_plus_1, strict=True))


def test_a_shift_moves_the_sigmoid_loss_alone():
    moved = experiments.shift(pairs=32)
    assert moved.infonce_all == pytest.approx(0, abs=1e-12)
    assert moved.infonce_rows == pytest.approx(0, abs=1e-12)
    assert moved.sigmoid_all > moved.sigmoid_before
    assert moved.sigmoid_rows > moved.sigmoid_before


def test_blocks_are_exact_and_only_the_librarys_are_small():
    pieces = experiments.chunks(batch=96, chunk=16)
    assert pieces.loss_error < 1e-12
    assert pieces.gradient_error < 1e-12
    assert pieces.blocks == 36
    assert pieces.blocks_with_positives == 6
    assert pieces.kept_by_plain_blocks >= pieces.kept_by_full >= pieces.matrix_entries
    assert pieces.kept_by_library < 0.6 * pieces.kept_by_plain_blocks


def test_a_pair_is_told_the_same_in_every_batch():
    pair = experiments.pair_in_batches(batches=(8, 32, 128))
    assert pair.sigmoid == pytest.approx([pair.sigmoid[0]] * 3, rel=1e-12)
    assert list(pair.softmax) == sorted(pair.softmax, reverse=True)
    assert list(pair.positive_share) == sorted(pair.positive_share, reverse=True)


def test_micro_batches_are_another_loss():
    micro = experiments.sigmoid_micro_batches(batch=64, size=16)
    assert micro.pieces < micro.whole
    assert 0 < micro.gradient_cosine < 0.95
    assert micro.pairs_pieces * 4 == micro.pairs_whole


def test_copies_cost_what_the_floor_says():
    several = experiments.copies()
    assert several.sigmoid == pytest.approx(several.sigmoid_floor, abs=1e-9)
    assert several.softmax == pytest.approx(several.softmax_floor, abs=1e-9)
    assert several.sigmoid[1] == pytest.approx(2 * math.log(2))


def test_from_a_bias_of_zero_the_model_is_late():
    runs = experiments.bias_training(steps=(60,), seeds=(0,))
    assert min(runs.from_minus_ten + runs.from_best) > 0.15
    assert max(runs.from_zero + runs.as_printed) < 0.05


def test_both_losses_learn():
    losses = experiments.two_losses(batches=(64,), epochs=3, seeds=(0, 1))
    assert min(losses.infonce + losses.sigmoid) > 0.1


def test_a_softmax_is_certain_of_a_single_candidate():
    lists = experiments.list_length(lengths=(1, 190))
    assert lists.softmax[0] == 1
    assert lists.softmax[1] > lists.sigmoid[1]
    assert max(lists.sigmoid) < 0.05


def test_no_match_against_match_or_none():
    none = experiments.no_match(threshold=0.5)
    logits = trained_logits(True, 0)
    found = contrastive.match_or_none(logits, 0.5)
    rows = torch.arange(len(logits))
    assert none.sure_with[1] == pytest.approx(float((found >= 0).double().mean()))
    assert none.right_if_sure[1] == pytest.approx(float((found == rows)[found >= 0].double().mean()))
    missing = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), -100.0)
    assert none.sure_without[1] == pytest.approx(
        float((contrastive.match_or_none(missing, 0.5) >= 0).double().mean())
    )
    assert none.area[0] == pytest.approx(0.5, abs=0.2)


def test_what_is_offered_is_never_right():
    instead = experiments.offered_instead(count=5)
    assert all(name != caption for name, caption in zip(instead.names, instead.offered, strict=True))
    assert list(instead.softmax) == sorted(instead.softmax, reverse=True)
