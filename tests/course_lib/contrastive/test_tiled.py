"""InfoNCE in tiles equals the one in one piece, for any tile."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import clip_loss, tiled_clip_loss


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6)),
    st.floats(0, 1000),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_value_and_gradients_for_any_tile(gradients, random_pairs, assert_close, batch, scale, tile):
    arguments = (*random_pairs(*batch), torch.tensor(scale, dtype=torch.float64))
    assert_close(tiled_clip_loss(*arguments, tile=tile), clip_loss(*arguments))
    ours = gradients(lambda *leaves: tiled_clip_loss(*leaves, tile=tile), *arguments)
    for got, expected in zip(ours, gradients(clip_loss, *arguments), strict=True):
        assert_close(got, expected)
