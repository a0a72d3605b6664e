"""encode_pair: what it composes, and what it refuses."""

import pytest
import torch

from course_lib.contrastive import encode_pair, similarity_logits

GOOD = {
    "image_states": torch.eye(4, 3),
    "text_states": torch.eye(5, 2) + 1,
    "image_weight": torch.eye(3, 6),
    "text_weight": torch.ones(2, 6),
    "log_scale": torch.tensor(0.5),
}


@pytest.fixture
def inputs(randn):
    return [randn(4, 3), randn(5, 2, seed=1), randn(3, 6, seed=2), randn(2, 6, seed=3), randn(1, seed=4)[0]]


def test_equals_similarity_logits_of_the_projections(inputs, assert_close):
    pair = encode_pair(*inputs)
    images, texts, image_weight, text_weight, log_scale = inputs
    assert_close(pair.logits, similarity_logits(images @ image_weight, texts @ text_weight, log_scale.exp()))
    for features in pair[:2]:
        assert torch.allclose(features.norm(dim=1), torch.ones(len(features), dtype=torch.float64))


def test_gradients(inputs):
    assert torch.autograd.gradcheck(encode_pair, [x.requires_grad_() for x in inputs])


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"image_weight": torch.eye(2, 6)}, ValueError, "image_weight must have a row for each of the 3 columns of image_states, got 2"),
        ({"text_weight": torch.ones(2, 5)}, ValueError, "text_weight must lead into the space of image_weight, of width 6, got width 5"),
        ({"text_states": torch.ones(5, 2).double()}, TypeError, "text_states must have the dtype of image_states"),
        ({"image_states": torch.ones(3)}, ValueError, "image_states must have 2 axes"),
        ({"log_scale": 0.5}, TypeError, "log_scale must be a torch.Tensor, got float"),
        ({"log_scale": torch.ones(1)}, ValueError, "log_scale must be a number or a 0-d floating-point tensor"),
    ],
)  # fmt: skip
def test_bad_inputs(change, kind, message):
    encode_pair(**GOOD)
    with pytest.raises(kind, match=message):
        encode_pair(**GOOD | change)
