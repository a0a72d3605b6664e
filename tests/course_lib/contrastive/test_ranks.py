"""What ranks compute together is the loss of the whole batch: simulated for every size, and in real processes."""

import pytest
import torch

from autograder.observers import ranks as simulated
from course_lib.contrastive import clip_loss, gathered_clip_loss, ring_siglip_loss, siglip_loss
from course_lib.experiments import large_batches as experiments


def shards(random_pairs, world, shard):
    images, texts = random_pairs(world * shard, 4, seed=world)
    return images.reshape(world, shard, 4), texts.reshape(world, shard, 4)


@pytest.mark.parametrize("shard", [1, 3])
@pytest.mark.parametrize("world", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("of_a_rank", "whole", "scalars"),
    [
        (gathered_clip_loss, clip_loss, {"logit_scale": 7.0}),
        (ring_siglip_loss, siglip_loss, {"logit_scale": 7.0, "logit_bias": -3.0}),
    ],
)
def test_the_mean_over_the_ranks_is_the_batch(
    random_pairs, gradients, assert_close, of_a_rank, whole, scalars, world, shard
):
    images, texts = shards(random_pairs, world, shard)
    numbers = {name: torch.tensor(value, dtype=torch.float64) for name, value in scalars.items()}
    loss, found = simulated.call(of_a_rank, {"image_features": images, "text_features": texts, **numbers})

    def at_once(images, texts, *numbers):
        return whole(images.flatten(0, 1), texts.flatten(0, 1), *numbers)

    assert_close(loss, at_once(images, texts, *numbers.values()))
    wanted = gradients(at_once, images, texts, *numbers.values())
    for got, expected in zip(found.values(), wanted, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("world", [2, 3])
def test_the_naive_gather_leaves_gradients_too_small_by_the_number_of_ranks(
    random_pairs, gradients, assert_close, world
):
    images, texts = shards(random_pairs, world, 2)
    scale = torch.tensor(5.0, dtype=torch.float64)
    given = {"image_features": images, "text_features": texts, "logit_scale": scale}
    loss, found = simulated.call(experiments.gathered_without_gradients, given)
    right = gradients(lambda i, t, s: clip_loss(i.flatten(0, 1), t.flatten(0, 1), s), images, texts, scale)
    assert_close(loss, clip_loss(images.flatten(0, 1), texts.flatten(0, 1), scale))
    assert_close(world * found["image_features"], right[0])
    assert_close(world * found["text_features"], right[1])
    assert_close(found["logit_scale"], right[2])


def test_a_rank_checks_its_arguments():
    with pytest.raises(ValueError, match="text_features must have the shape of image_features"):
        gathered_clip_loss(torch.ones(2, 3), torch.ones(3, 3), 1.0, None)
    with pytest.raises(ValueError, match="logit_bias must be finite"):
        ring_siglip_loss(torch.ones(2, 3), torch.ones(2, 3), 1.0, float("nan"), None)


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_real_processes_agree_with_the_simulation(world):
    run = experiments.processes(world, batch=12, dim=4)
    assert run.loss_error < 1e-12
    assert run.gradient_error < 1e-12
    assert run.naive_length == pytest.approx(1 / world, abs=1e-9)
    assert run.naive_cosine == pytest.approx(1, abs=1e-9)
    assert run.naive_scale_length == pytest.approx(1, abs=1e-9)


def _ring_as_gathered(image_features, text_features, logit_scale, group):
    """The ring in the place of the gather, so that real processes run it too: with bias 0 no sum differs."""
    return contrastive.ring_siglip_loss(image_features, text_features, logit_scale, 0.0, group)


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_the_ring_works_in_real_processes(world):
    from course_lib.experiments.large_batches.real_processes import _in_processes, step

    inputs, weights = (torch.randn(2, rows, 4, dtype=torch.float64) for rows in (12, 4))
    found = _in_processes(world, inputs, weights, _ring_as_gathered)["gathered_clip_loss"]
    wanted = step(inputs, weights, lambda i, t, s: siglip_loss(i, t, s, 0.0))
    assert (found - wanted).abs().max() < 1e-12
