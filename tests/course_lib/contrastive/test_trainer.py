"""The trainer against plain gradient descent by autograd, and its limit."""

import math

import pytest
import torch

from course_lib.contrastive import Trainer, clip_loss, encode_pair


@pytest.fixture
def start(randn):
    return randn(4, 3), randn(2, 3, seed=1), torch.tensor(1.5, dtype=torch.float64)


@pytest.fixture
def batches(randn):
    return [(randn(5, 4, seed=s), randn(5, 2, seed=s + 50)) for s in range(3)]


def loss_of(images, texts, image_weight, text_weight, log_scale):
    features = encode_pair(images, texts, image_weight, text_weight, log_scale)
    return clip_loss(features.image_features, features.text_features, log_scale.exp())


def test_three_steps_are_three_of_plain_gradient_descent(start, batches, gradients, assert_close):
    trainer, now = Trainer(*start, 0.2), list(start)
    for images, texts in batches:
        expected = loss_of(images, texts, *now)
        slopes = gradients(lambda *p, i=images, t=texts: loss_of(i, t, *p), *now)
        now = [p - 0.2 * slope for p, slope in zip(now, slopes, strict=True)]
        assert_close(trainer.step(images, texts), expected)
    for got, wanted in zip((trainer.image_weight, trainer.text_weight, trainer.log_scale), now, strict=True):
        assert_close(got.detach(), wanted)


def test_it_leaves_what_it_was_given_alone(start, batches):
    before = [p.clone() for p in start]
    Trainer(*start, 1.0).step(*batches[0])
    assert all(torch.equal(p, q) for p, q in zip(start, before, strict=True))


def test_a_scale_above_the_limit_comes_down_to_it_or_below(start, batches):
    trainer = Trainer(start[0], start[1], torch.tensor(math.log(200.0)), 1e-6)
    with pytest.raises(TypeError, match="must have the dtype"):
        trainer.step(batches[0][0].float(), batches[0][1])
    trainer.step(*batches[0])
    assert trainer.log_scale.exp().item() == pytest.approx(100, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"image_weight": torch.ones(3)}, ValueError, "image_weight must have 2 axes"),
        ({"text_weight": torch.ones(2, 3).long()}, TypeError, "text_weight must be torch.float32 or torch.float64"),
        ({"log_scale": 2.0}, TypeError, "log_scale must be a torch.Tensor, got float"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be greater than 0, got 0.0"),
    ],
)  # fmt: skip
def test_bad_inputs(change, kind, message):
    good = {
        "image_weight": torch.ones(4, 3),
        "text_weight": torch.ones(2, 3),
        "log_scale": torch.tensor(1.0),
        "learning_rate": 0.1,
    }
    with pytest.raises(kind, match=message):
        Trainer(**good | change)
