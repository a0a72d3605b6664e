"""Log-sum-exps in pieces equal those at once, and gradients from them equal autograd's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import clip_loss, streaming_logsumexp, tile_gradients, tile_statistics

BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10**6))


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 11), st.floats(0, 1000), st.integers(0, 10**6))
@settings(deadline=None)
def test_any_chunk_size_gives_the_logsumexp_of_the_row(
    randn, assert_close, rows, columns, chunk_size, scale, seed
):
    logits = scale * randn(rows, columns, seed=seed)
    assert_close(streaming_logsumexp(logits, chunk_size), logits.logsumexp(dim=1))


def test_rows_far_apart_and_far_from_zero(assert_close):
    rows = torch.tensor([[1e4, -1e4, 1e4], [-1e4, -1e4, -2e4], [0.0, 0.0, 1e-3]])
    assert_close(streaming_logsumexp(rows, 1), rows.logsumexp(dim=1), 2e-3)  # eps · 1e4


def test_the_stream_passes_gradcheck(randn):
    logits = randn(2, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: streaming_logsumexp(x, 2), logits)


@given(BATCHES, st.floats(0, 1000), st.integers(1, 12))
@settings(deadline=None)
def test_any_tile_gives_the_statistics_of_the_matrix(random_pairs, assert_close, batch, scale, tile):
    image, text = random_pairs(*batch)
    logits = scale * image @ text.T
    rows, columns = tile_statistics(image, text, scale, tile)
    assert_close(rows, logits.logsumexp(dim=1))
    assert_close(columns, logits.logsumexp(dim=0))
    loss = ((rows + columns) / 2 - logits.diagonal()).mean()
    assert_close(loss, clip_loss(image, text, scale))


def test_exchanging_images_and_texts_exchanges_rows_and_columns(random_pairs, assert_close):
    image, text = random_pairs(7, 3)
    rows, columns = tile_statistics(image, text, 9.0, 3)
    swapped = tile_statistics(text, image, 9.0, 2)
    assert_close(swapped.rows, columns)
    assert_close(swapped.columns, rows)


@given(BATCHES, st.floats(0, 100), st.integers(1, 12), st.floats(-3, 3))
@settings(deadline=None)
def test_gradients_are_those_of_upstream_times_the_loss(
    gradients, random_pairs, assert_close, batch, scale, tile, upstream
):
    image, text = random_pairs(*batch)
    scale = torch.tensor(scale, dtype=torch.float64)
    known = tile_statistics(image, text, scale, tile)
    found = tile_gradients(image, text, scale, *known, upstream, tile)
    wanted = gradients(lambda i, t, s: upstream * clip_loss(i, t, s), image, text, scale)
    for got, expected in zip(found, wanted, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_float32_is_as_exact_as_its_logits(scale, gradients, random_pairs, assert_close):
    image, text = random_pairs(16, 8, dtype=torch.float32)
    known = tile_statistics(image, text, scale, 5)
    found = tile_gradients(image, text, scale, *known, 1.0, 5)
    wanted = gradients(clip_loss, image.double(), text.double(), torch.tensor(scale, dtype=torch.float64))
    for got, expected in zip(found, wanted, strict=True):
        assert_close(got, expected.float(), torch.finfo(torch.float32).eps * 16 * scale * max(scale, 1))
