"""The experiments of lesson 04 measure what the lesson says they measure."""

import math
import subprocess
import sys

import pytest
import torch

from course_lib import contrastive
from course_lib.experiments import large_batches as experiments
from course_lib.experiments.large_batches.tiles import features, usable


def test_the_count_is_that_of_tensors_alive():
    x = torch.ones(100)
    assert experiments.peak_bytes(lambda: x + 1) == 400
    assert experiments.peak_bytes(lambda: [x + i for i in range(3)]) == 1200
    assert experiments.peak_bytes(lambda: [(x + i).sum() for i in range(3)]) == 400 + 3 * 4
    assert experiments.peak_bytes(lambda: x.view(10, 10).T) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_count_agrees_with_what_the_system_sees():
    # In a fresh process: torch's own pages are touched first, by the same computation in small. Matrices of more
    # than 32 MB, since the C library keeps smaller ones for later instead of giving them back.
    code = """
import torch
from pathlib import Path
from course_lib import contrastive
from course_lib.experiments.large_batches.tiles import features
def status(name):
    return int(next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name)).split()[1])
contrastive.clip_loss(*features(64, 8)).backward()
given = features(3000, 8)
before = status("VmRSS")
contrastive.clip_loss(*given).backward()
print((status("VmHWM") - before) * 1024 / 1e6)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    counted = experiments.memory(batches=(3000,), dim=8).whole[0]
    assert float(run.stdout) == pytest.approx(counted, rel=0.05)


def test_the_whole_loss_holds_six_matrices_and_the_tiles_do_not():
    held = experiments.memory(batches=(256, 512), tile=64, dim=16)
    assert held.matrices == pytest.approx(6, abs=0.1)
    assert held.tiled[1] < held.logits[1]
    assert held.tiled[1] < 2.2 * held.tiled[0]
    assert not held.yours
    assert math.isnan(experiments.memory(batches=(64, 128), whole_up_to=64, tile=16).whole[1])


def test_a_right_answer_is_measured_and_a_wrong_one_is_not():
    def right(image_features, text_features, logit_scale, tile):
        return contrastive.clip_loss(image_features, text_features, logit_scale)

    def raises(*given):
        raise NotImplementedError

    wrong = [
        raises,
        lambda *given: None,
        lambda *given: 2 * right(*given),
        lambda i, t, s, tile: right(i.detach(), t, s, tile),
        lambda i, t, s, tile: right(i, t, s, tile).expand(2),
    ]
    assert usable(right) == (right, True)
    for answer in (*wrong, None):
        assert usable(answer) == (contrastive.tiled_clip_loss, False)
    # The whole matrix, measured as if it were tiles, shows as what it is.
    assert experiments.memory(right, batches=(256,), dim=16).tiled[0] == pytest.approx(
        6 * 4 * 256**2 / 1e6, rel=0.1
    )


def test_times_are_of_all_four_ways():
    timed = experiments.times(batches=(64, 128), whole_up_to=64, tile=32, repeats=1)
    assert all(0 < seconds < 5 for row in (timed.yours, timed.library, timed.floor) for seconds in row)
    assert math.isnan(timed.whole[1])


def test_a_big_batch_is_exact_and_stays_small(capsys):
    big = experiments.big_batch(batch=700, dim=16, tile=64)
    images, texts, scale = (x.detach() for x in features(700, 16))
    assert big.loss == pytest.approx(float(contrastive.clip_loss(images, texts, scale)), rel=1e-5)
    assert big.megabytes < big.matrix_megabytes / 4
    assert big.euler_error < 1e-4
    captured = capsys.readouterr()
    assert "%|" in captured.out
    assert captured.err == ""


def test_dropout_breaks_the_gradient_and_not_the_loss():
    found = experiments.dropout(batch=32, chunk_size=8)
    assert found.replayed < 1e-12
    assert found.without_dropout < 1e-12
    assert found.loss_difference < 1e-12
    assert found.not_replayed > 0.2
    assert 0 < found.not_replayed_cosine < 0.98


@pytest.mark.parametrize(
    ("step", "yours", "replayed"),
    [
        (contrastive.grad_cache_step, True, True),
        (experiments.without_replay, True, False),
        (lambda *x: None, False, True),
    ],
)
def test_a_learners_step_is_measured_unless_it_fails(step, yours, replayed):
    found = experiments.dropout(batch=32, chunk_size=8, step=step)
    assert found.yours is yours
    assert (found.replayed < 1e-12) is replayed


def test_batchnorm_differs_until_the_chunk_is_the_batch():
    found = experiments.batch_norm(batch=32, chunk_sizes=(8, 32))
    assert found.batch_norm[0] > 0.1
    assert found.batch_norm[1] < 1e-12
    assert max(found.layer_norm) < 1e-12
    assert (found.updates_whole, found.updates_cached) == (1, 8)
    assert found.loss_cached != pytest.approx(found.loss_whole, abs=1e-6)


def test_every_way_to_a_step_has_its_gradient_and_its_memory():
    found = experiments.activations(batch=256, chunk_sizes=(64, 16), blocks=2, tile=32, repeats=1)
    plain, checkpointed, *cached = found.tiled_logits
    assert plain > checkpointed
    assert plain > cached[0] > cached[1]
    assert all(tiled < whole for tiled, whole in zip(found.tiled_logits, found.whole_logits, strict=True))
    assert found.worst_error < 1e-12
    assert found.relative_time[0] == 1


def test_softmax_and_sigmoid_hold_the_same_whole_and_little_in_tiles():
    held = experiments.loss_memory(batch=512, dim=16, tile=64)
    assert held.softmax_whole == pytest.approx(held.sigmoid_whole, rel=0.02)
    assert max(held.softmax_tiled, held.sigmoid_tiled) < held.softmax_whole / 10


def test_a_rank_holds_a_share_of_the_matrix():
    held = experiments.rank_memory(world_size=4, shard=64, dim=8)
    assert held.sigmoid < held.softmax < held.whole_matrix * 6
    assert held.logits_softmax == pytest.approx(2 * held.whole_matrix / 4)


def test_a_learners_function_runs_in_processes_or_ours_does():
    def wrong(image_features, text_features, logit_scale, group):
        return undefined

    run = experiments.processes(2, wrong, batch=8, dim=3)
    assert not run.yours
    assert run.gradient_error < 1e-12


def test_the_printed_recall_is_right_for_one_tile_only():
    images, texts, _ = (x.detach() for x in features(9, 3))
    right = float(contrastive.recall_at_k(images @ texts.T, 1))
    assert float(experiments.recall_with_three_bugs(images, texts, 9)) == pytest.approx(right)
    assert any(
        float(experiments.recall_with_three_bugs(images, texts, tile)) != pytest.approx(right)
        for tile in (2, 4, 5)
    )
