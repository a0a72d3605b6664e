"""Perplexity: against what is known beforehand, and its error bar against repeated drawing."""

import math
from itertools import pairwise

import pytest
import torch

from course_lib.language import perplexity, perplexity_ratio, sequences


def table(odds):
    """A model that knows only how often each token follows each."""
    return lambda tokens: odds.log()[tokens]


@pytest.fixture
def chain():
    torch.manual_seed(0)
    odds = torch.rand(5, 5).softmax(dim=-1)
    odds = odds**3 / (odds**3).sum(dim=-1, keepdim=True)
    return odds


def drawn(odds, count, length):
    tokens = torch.randint(5, (count, 1))
    for _ in range(length - 1):
        tokens = torch.cat((tokens, torch.multinomial(odds[tokens[:, -1]], 1)), dim=1)
    return tokens


def test_it_is_the_geometric_mean_of_one_over_p(chain):
    tokens = drawn(chain, 3, 6)
    p = [float(chain[a, b]) for row in tokens.tolist() for a, b in pairwise(row)]
    measured = perplexity(table(chain), tokens, batch_size=2)
    assert measured.value == pytest.approx(math.prod(p) ** (-1 / len(p)), rel=1e-5)
    assert measured.token_losses.shape == (3, 5)


def test_the_size_of_batches_changes_nothing(chain):
    tokens = drawn(chain, 5, 8)
    one, all_of_them = (perplexity(table(chain), tokens, batch_size=size) for size in (1, 5))
    assert one.value == pytest.approx(all_of_them.value)
    torch.testing.assert_close(one.token_losses, all_of_them.token_losses)


def test_the_error_bar_is_as_wide_as_repetitions_scatter(chain):
    runs = [perplexity(table(chain), drawn(chain, 16, 20), batch_size=16) for _ in range(200)]
    values = torch.tensor([run.value for run in runs])
    claimed = torch.tensor([run.standard_error for run in runs]).square().mean().sqrt()
    assert float(claimed / values.std()) == pytest.approx(1, abs=0.15)  # 200 runs know a std to 5 %


def test_comparing_on_the_same_text_knows_more_than_two_error_bars(chain):
    tokens = drawn(chain, 16, 20)
    other = 0.9 * chain + 0.02
    first, second = (perplexity(table(odds), tokens) for odds in (chain, other))
    ratio = perplexity_ratio(second, first)
    assert ratio.value == pytest.approx(second.value / first.value)
    apart = math.hypot(first.standard_error / first.value, second.standard_error / second.value)
    assert ratio.standard_error < apart / 2


def test_one_sequence_has_no_error_bar(chain):
    assert math.isnan(perplexity(table(chain), drawn(chain, 1, 4)).standard_error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequences(torch.arange(5), count=2, length=3), "at least count · length = 6 long, got 5"),
        (lambda: sequences(torch.arange(6)[None], count=1), "tokens must have 1 axis"),
        (lambda: sequences(torch.arange(6), count=0), "count must be an integer of at least 1"),
        (lambda: sequences(torch.arange(6), count=1, length=1), "length must be an integer of at least 2"),
        (lambda: perplexity(table(torch.ones(5, 5)), torch.zeros(3).long()), "tokens must have 2 axes"),
        (
            lambda: perplexity(table(torch.ones(5, 5)), torch.zeros(3, 1).long()),
            "length of a sequence must be",
        ),
    ],
)
def test_bad_arguments_are_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_different_texts_cannot_be_compared(chain):
    with pytest.raises(ValueError, match="changed must have the shape of original"):
        perplexity_ratio(
            perplexity(table(chain), drawn(chain, 2, 4)), perplexity(table(chain), drawn(chain, 2, 5))
        )
