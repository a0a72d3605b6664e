"""The exact loss in pieces equals the loss at once; the mean of micro-batch losses does not."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.contrastive import accumulated_loss, clip_loss, mean_of_micro_batch_losses

BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10**6))


@given(BATCHES, st.floats(0, 1000), st.integers(1, 12))
@settings(deadline=None)
def test_any_micro_batch_size_gives_the_loss_and_gradients_of_the_batch(
    gradients, random_pairs, assert_close, batch, scale, micro_batch_size
):
    image, text = random_pairs(*batch)
    assert_close(accumulated_loss(image, text, scale, micro_batch_size), clip_loss(image, text, scale))
    scale_tensor = torch.tensor(scale, dtype=torch.float64)
    in_pieces = gradients(
        lambda i, t, s: accumulated_loss(i, t, s, micro_batch_size), image, text, scale_tensor
    )
    for got, expected in zip(in_pieces, gradients(clip_loss, image, text, scale_tensor), strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("micro_batch_size", [1, 5, 16, 100])
@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_float32_is_as_exact_as_its_logits(micro_batch_size, scale, random_pairs, assert_close):
    image, text = random_pairs(16, 8, dtype=torch.float32)
    result = accumulated_loss(image, text, scale, micro_batch_size)
    expected = clip_loss(image.double(), text.double(), scale).float()
    assert_close(result, expected, torch.finfo(torch.float32).eps * 16 * scale)


def test_hot_antipodal_pairs(assert_close):
    image = torch.eye(3)
    assert_close(accumulated_loss(image, -image, 1000.0, 2), clip_loss(image, -image, 1000.0), 0)


def test_the_gradient_passes_gradcheck(random_pairs):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(5, 3))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: accumulated_loss(*a, 2), (image, text, scale), atol=1e-9)


class BlocksAlive(TorchDispatchMode):
    """Counts how many buffers of at least ``size`` elements are alive at once."""

    def __init__(self, size):
        super().__init__()
        self.size, self.storages, self.most = size, set(), 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.numel() >= self.size:
                self.storages.add(StorageWeakRef(tensor.untyped_storage()))
        self.most = max(self.most, sum(not storage.expired() for storage in self.storages))
        return result


def test_without_gradients_only_a_few_blocks_are_alive_at_once(random_pairs):
    image, text = random_pairs(64, 3)
    with torch.no_grad(), BlocksAlive(4 * 64) as blocks:
        accumulated_loss(image, text, 10.0, 4)
    assert 1 <= blocks.most <= 4  # of 16: the products, their scaled copy, and the block before them


@given(BATCHES, st.floats(0, 1000), st.integers(1, 12))
@settings(deadline=None)
def test_the_mean_is_over_the_losses_of_the_micro_batches(random_pairs, assert_close, batch, scale, micro):
    image, text = random_pairs(*batch)
    starts = range(0, len(image), micro)
    losses = [clip_loss(image[s : s + micro], text[s : s + micro], scale) for s in starts]
    assert_close(mean_of_micro_batch_losses(image, text, scale, micro), sum(losses) / len(losses))


def test_one_micro_batch_is_the_batch(random_pairs):
    image, text = random_pairs(6, 3)
    assert torch.equal(mean_of_micro_batch_losses(image, text, 10.0, 6), clip_loss(image, text, 10.0))


def test_the_chance_level_of_micro_batches_is_that_of_their_size(random_pairs):
    image, text = random_pairs(32, 3)
    assert mean_of_micro_batch_losses(image, text, 0.0, 8).item() == pytest.approx(math.log(8))
    assert accumulated_loss(image, text, 0.0, 8).item() == pytest.approx(math.log(32))


@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 10**6), st.floats(0, 100))
@settings(deadline=None)
def test_equal_micro_batches_never_cost_more_than_the_batch(random_pairs, blocks, micro, seed, scale):
    image, text = random_pairs(blocks * micro, 4, seed)
    in_parts = mean_of_micro_batch_losses(image, text, scale, micro)
    assert in_parts <= accumulated_loss(image, text, scale, micro) + 1e-9
