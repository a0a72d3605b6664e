"""The distributed losses in 1 to 4 real processes (ranks.py), beside one process with the whole batch."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import distributed as dist

from course_lib.contrastive import clip_loss, distributed_clip_loss, distributed_siglip_loss, siglip_loss

SCRIPT = Path(__file__).with_name("ranks.py")
spec = spec_from_file_location("ranks", SCRIPT)
ranks = module_from_spec(spec)
spec.loader.exec_module(ranks)

HAS_GLOO = dist.is_available() and dist.is_gloo_available() and sys.platform != "win32"
needs_gloo = pytest.mark.skipif(not HAS_GLOO, reason="needs gloo, and processes that fork")
KINDS = ["clip", "siglip"]
each_kind = pytest.mark.parametrize("kind", KINDS)
each_world = pytest.mark.parametrize("world", ranks.WORLDS)
each_real_world = pytest.mark.parametrize("world", ranks.WORLDS[1:])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What every case gave on every rank, by world size: all processes run once, within seconds."""
    folder = tmp_path_factory.mktemp("ranks")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return {
        world: [torch.load(folder / f"{world}-{rank}.pt") for rank in range(world)] for world in ranks.WORLDS
    }


def of(results, world, case, kind):
    return [result[case, kind] for result in results[world]]


def in_one_process(kind, image, text, scale, bias):
    return clip_loss(image, text, scale) if kind == "clip" else siglip_loss(image, text, scale, bias)


def single_process(world, kind):
    model = ranks.Towers(kind)
    features = model(*ranks.batch(world))
    for tensor in features[:2]:
        tensor.retain_grad()
    loss = in_one_process(kind, *features)
    loss.backward()
    return loss.detach(), [x.grad for x in features[:2]], {n: p.grad for n, p in model.named_parameters()}


@pytest.mark.slow
@needs_gloo
@each_kind
@each_world
def test_the_mean_of_the_losses_is_that_of_the_whole_batch(results, world, kind, assert_close):
    loss, _, _ = single_process(world, kind)
    found = of(results, world, "whole_batch", kind)
    assert_close(torch.stack([result["loss"] for result in found]).mean(), loss)


@pytest.mark.slow
@needs_gloo
@each_kind
@each_world
def test_gradients_of_features_are_as_many_times_as_large_as_there_are_ranks(
    results, world, kind, assert_close
):
    _, expected, _ = single_process(world, kind)
    found = of(results, world, "whole_batch", kind)
    for side in range(2):
        gathered = torch.cat([result["features"][side] for result in found])
        assert_close(gathered / world, expected[side])


@pytest.mark.slow
@needs_gloo
@each_kind
@each_world
@pytest.mark.parametrize("case", ["whole_batch", "through_ddp"])
def test_averaged_gradients_of_parameters_are_those_of_the_whole_batch(
    results, world, kind, case, assert_close
):
    _, _, expected = single_process(world, kind)
    for result in of(results, world, case, kind):
        gradients = result["parameters"] if case == "whole_batch" else result
        assert gradients.keys() == expected.keys()
        for name, gradient in gradients.items():
            assert_close(gradient, expected[name])


@pytest.mark.slow
@needs_gloo
@each_kind
@each_world
def test_a_locked_text_tower_and_float_scalars(results, world, kind, assert_close):
    image, text = F.normalize(ranks.batch(world), dim=2)
    loss = in_one_process(kind, image.requires_grad_(), text, ranks.SCALES[kind], ranks.BIAS)
    found = of(results, world, "without_text_gradients", kind)
    assert_close(torch.stack([result["loss"] for result in found]).mean(), loss.detach())
    assert_close(torch.cat([r["image"] for r in found]) / world, *torch.autograd.grad(loss, image))


@pytest.mark.slow
@needs_gloo
@each_kind
@each_real_world
def test_a_group_of_some_ranks_is_a_batch_of_its_own(results, world, kind, assert_close):
    found = of(results, world, "in_two_groups", kind)
    for group in ([0], list(range(1, world))):
        image, text = (
            torch.cat([ranks.own(rows, rank) for rank in group])
            for rows in F.normalize(ranks.batch(world), dim=2)
        )
        loss = in_one_process(kind, image.requires_grad_(), text, ranks.SCALES[kind], ranks.BIAS)
        members = [found[rank] for rank in group]
        assert all(member["ranks"] == group for member in members)
        assert_close(torch.stack([member["loss"] for member in members]).mean(), loss.detach())
        gathered = torch.cat([member["image"] for member in members])
        assert_close(gathered / len(group), *torch.autograd.grad(loss, image))


@pytest.mark.slow
@needs_gloo
@each_kind
@each_real_world
def test_a_group_without_this_process_is_refused(results, world, kind):
    for rank, result in enumerate(of(results, world, "in_two_groups", kind)):
        assert result["foreign group"] == (
            f"group must hold this process, rank {rank} of all, but it does not."
        )


@pytest.mark.slow
@needs_gloo
@each_kind
@each_real_world
def test_ranks_with_unequal_batches_are_told_so_on_every_rank(results, world, kind):
    assert (
        of(results, world, "uneven", kind)
        == [
            "image_features must have the same shape on every rank: "
            f"expected [2, 4] as on rank 0, got [3, 4] on rank {world - 1}."
        ]
        * world
    )


@pytest.mark.slow
@needs_gloo
@each_kind
@each_real_world
def test_a_second_derivative_is_refused(results, world, kind):
    for sentence in of(results, world, "differentiated_twice", kind):
        assert "has no second derivative: use" in sentence


def test_without_a_process_group_it_is_the_loss_of_one_process(random_pairs, gradients, assert_close):
    arguments = (*random_pairs(5, 3), torch.tensor(10.0, dtype=torch.float64))
    for ours, theirs in zip(
        gradients(distributed_clip_loss, *arguments), gradients(clip_loss, *arguments), strict=True
    ):
        assert_close(ours, theirs)
    arguments = (*arguments, torch.tensor(-5.0, dtype=torch.float64))
    for ours, theirs in zip(
        gradients(distributed_siglip_loss, *arguments), gradients(siglip_loss, *arguments), strict=True
    ):
        assert_close(ours, theirs)
