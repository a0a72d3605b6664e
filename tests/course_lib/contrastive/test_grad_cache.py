"""The cached step is the plain step, dropout included, wherever rows are encoded independently."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.contrastive import clip_loss, grad_cache_step, l2_normalize


class Towers:
    """Two small towers and a scale, the same for the same arguments."""

    def __init__(self, *layers):
        torch.manual_seed(0)
        self.image, self.text = (
            nn.Sequential(
                nn.Linear(3, 6), nn.Tanh(), *(layer() for layer in layers), nn.Linear(6, 4)
            ).double()
            for _ in range(2)
        )
        self.scale = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)

    def loss(self, images, texts):
        return clip_loss(l2_normalize(images), l2_normalize(texts), self.scale)

    def plain(self, images, texts, chunk_size=100):
        encoded = (
            torch.cat([tower(chunk) for chunk in x.split(chunk_size)])
            for tower, x in ((self.image, images), (self.text, texts))
        )
        loss = self.loss(*encoded)
        loss.backward()
        return loss.detach()

    def cached(self, images, texts, chunk_size):
        return grad_cache_step(self.image, self.text, images, texts, self.loss, chunk_size)

    def gradient(self):
        return torch.cat(
            [p.grad.flatten() for p in (*self.image.parameters(), *self.text.parameters(), self.scale)]
        )


def dropout():
    return nn.Dropout(0.5)


@pytest.fixture
def batch(randn):
    return randn(7, 3, seed=1), randn(7, 3, seed=2)


@given(st.integers(1, 9), st.integers(1, 10), st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_any_chunk_gives_the_loss_and_all_gradients_of_the_batch(randn, assert_close, size, chunk_size, seed):
    images, texts = randn(size, 3, seed=seed), randn(size, 3, seed=seed + 1)
    whole, pieces = Towers(), Towers()
    assert_close(pieces.cached(images, texts, chunk_size), whole.plain(images, texts))
    assert_close(pieces.gradient(), whole.gradient())


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 100])
def test_dropout_is_replayed_chunk_by_chunk(batch, assert_close, chunk_size):
    whole, pieces = Towers(dropout), Towers(dropout)
    torch.manual_seed(3)
    loss = whole.plain(*batch, chunk_size)
    after = torch.get_rng_state()
    torch.manual_seed(3)
    assert_close(pieces.cached(*batch, chunk_size), loss)
    assert_close(pieces.gradient(), whole.gradient())
    assert torch.equal(torch.get_rng_state(), after)  # as if every chunk had been encoded once


def test_without_replay_dropout_would_differ(batch):
    # The premise of the test above: the masks matter.
    first, second = Towers(dropout), Towers(dropout)
    torch.manual_seed(3)
    first.plain(*batch)
    second.plain(*batch)
    assert (first.gradient() - second.gradient()).norm() > 0.1 * first.gradient().norm()


def test_gradients_are_added_to_those_that_are_there(batch, assert_close):
    once, twice = Towers(), Towers()
    once.cached(*batch, 3)
    for _ in range(2):
        twice.cached(*batch, 2)
    assert_close(twice.gradient(), 2 * once.gradient())


def test_batchnorm_is_not_the_same_step(batch):
    whole, pieces = Towers(lambda: nn.BatchNorm1d(6)), Towers(lambda: nn.BatchNorm1d(6))
    loss = whole.plain(*batch)
    assert abs(pieces.cached(*batch, 4) - loss) > 1e-3
    assert (pieces.gradient() - whole.gradient()).norm() > 0.05 * whole.gradient().norm()
    assert [int(tower[2].num_batches_tracked) for tower in (whole.image, pieces.image)] == [1, 4]


def test_batchnorm_with_fixed_statistics_is_the_same_step(batch, assert_close):
    whole, pieces = Towers(lambda: nn.BatchNorm1d(6).eval()), Towers(lambda: nn.BatchNorm1d(6).eval())
    assert_close(pieces.cached(*batch, 2), whole.plain(*batch))
    assert_close(pieces.gradient(), whole.gradient())


def test_the_loss_has_no_graph_and_inputs_are_not_touched(batch):
    before = [x.clone() for x in batch]
    assert not Towers().cached(*batch, 2).requires_grad
    assert all(torch.equal(x, y) for x, y in zip(batch, before, strict=True))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            {"images": [1]},
            TypeError,
            "images must be a torch.Tensor, got list: convert it with torch.as_tensor(images).",
        ),
        ({"texts": torch.ones(0, 3)}, ValueError, "texts must not be empty, got shape [0, 3]."),
        (
            {"texts": torch.ones(5, 3)},
            ValueError,
            "texts must have as many rows as images: expected 4, got 5.",
        ),
        ({"chunk_size": 0}, ValueError, "chunk_size must be an integer of at least 1, got 0."),
        ({"chunk_size": 2.0}, TypeError, "chunk_size must be an integer of at least 1, got float (2.0)."),
    ],
)
def test_bad_arguments_get_one_sentence(change, kind, message):
    towers = Towers()
    x = torch.ones(4, 3, dtype=torch.float64)
    good = {"images": x, "texts": x, "chunk_size": 2}
    with pytest.raises(kind) as caught:
        grad_cache_step(towers.image, towers.text, loss_fn=towers.loss, **(good | change))
    assert str(caught.value) == message
