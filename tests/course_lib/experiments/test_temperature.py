"""The experiments of lesson 02 measure what the lesson says they measure."""

import math

import pytest
import torch

from course_lib import contrastive
from course_lib.experiments import temperature as experiments
from course_lib.experiments.temperature.features import distinct
from course_lib.experiments.temperature.landscape import gradient_noise, top_curvature
from course_lib.experiments.temperature.sweep import best_temperature
from course_lib.experiments.temperature.training import cosines, random_towers, tower_loss


@pytest.fixture(scope="module")
def towers():
    return random_towers(experiments.descriptors(), 4, torch.Generator().manual_seed(0))


def test_the_sharpest_softmax_is_that_of_the_best_geometry():
    found = experiments.sharpest(batch=191, scales=(1.0, 4.0))
    best = torch.tensor([[1.0, *[-1.0] * 190]], dtype=torch.float64)
    for scale, probability in zip(found.scales, found.probabilities, strict=True):
        assert contrastive.softmax_temperature(best, 1 / scale)[0, 0].item() == pytest.approx(probability)


def test_the_loss_is_a_u_and_recall_does_not_move():
    for found in (experiments.unseen_sweep(), experiments.learned_sweep()):
        assert len(set(found.recall)) == 1
        lowest = found.losses.index(min(found.losses))
        assert 0 < lowest < len(found.losses) - 1
        assert list(found.losses[: lowest + 1]) == sorted(found.losses[: lowest + 1], reverse=True)
        assert list(found.losses[lowest:]) == sorted(found.losses[lowest:])
        assert list(found.effective_negatives) == sorted(found.effective_negatives, reverse=True)
    assert (
        experiments.unseen_sweep((0.1,)).recall[0] < 0.4 < 0.9 < experiments.learned_sweep((0.1,)).recall[0]
    )


def test_the_gradient_norm_is_monotone_on_one_batch_and_not_on_the_other():
    norms = experiments.unseen_sweep().gradient_norms
    assert list(norms) == sorted(norms)
    norms = experiments.learned_sweep().gradient_norms
    assert list(norms) != sorted(norms)


def test_the_gradient_norm_is_autograds_through_the_normalisation():
    images, texts, _ = experiments.unseen_pairs(20)
    leaves = [part.clone().requires_grad_() for part in (images, texts)]
    contrastive.clip_loss(*(contrastive.l2_normalize(leaf) for leaf in leaves), 1 / 0.07).backward()
    expected = torch.cat([leaf.grad for leaf in leaves]).norm().item()
    found = experiments.measured_at(images, texts, images @ texts.T, 0.07)
    assert found[2] == pytest.approx(expected, rel=1e-9)


def test_the_best_temperature_is_where_the_gradient_of_the_scale_vanishes():
    images, texts, _ = experiments.unseen_pairs()
    best = best_temperature(images @ texts.T)
    assert abs(contrastive.grad_log_scale(images @ texts.T, -math.log(best))) < 1e-6
    loss = contrastive.clip_loss(images, texts, 1 / best)
    for factor in (0.9, 1.1):
        assert loss < contrastive.clip_loss(images, texts, factor / best)


def test_overflow_is_where_the_dtype_says():
    found = experiments.overflow()
    assert found.measured == pytest.approx(found.log_largest, abs=2e-3)  # half of one rounding beyond it
    assert found.measured[2] == pytest.approx(88.7228, abs=1e-3)
    assert math.isnan(found.naive_at_clip)
    assert found.shifted_at_clip == 1


def test_the_push_concentrates_and_the_weights_are_the_gradients():
    found = experiments.concentration()
    assert list(found.hardest) == sorted(found.hardest)
    assert found.hardest[0] < 2 * found.uniform < 0.7 < found.hardest[-1]
    assert found.gradient_matches < 1e-12


def test_twins_receive_more_than_their_share():
    found = experiments.false_negatives(temperatures=(1e6, 0.07, 0.01))
    assert found.twin_share[0] == pytest.approx(found.uniform, rel=1e-3)
    assert 100 * found.uniform < found.twin_share[1] < found.twin_share[2]


class TestLearnedScale:
    def test_it_notes_what_it_says(self):
        found = experiments.learned_scale(4, every=2)
        assert found.steps == (0, 2, 4)
        assert found.scales[0] == pytest.approx(1 / 0.07, rel=1e-6)
        assert found.scales[-1] != found.scales[0]
        assert found.pairs == len(experiments.descriptors().train_images)

    def test_the_limit_holds_from_the_first_step_on(self):
        found = experiments.learned_scale(2, temperature=0.008, every=1)
        assert found.scales[0] == pytest.approx(125, rel=1e-5)
        assert found.scales[1] <= 100.001

    def test_weight_decay_pulls_the_scale_down(self):
        free, decayed = (experiments.learned_scale(60, weight_decay=w, every=60) for w in (0.0, 0.2))
        assert decayed.scales[-1] < free.scales[-1]

    def test_distinct_pairs_share_nothing(self):
        given = experiments.descriptors()
        rows = distinct(given)
        assert 0.5 * len(given.train_images) < len(rows) < len(given.train_images)
        for part in (given.train_images[rows], given.train_texts[rows]):
            unit = contrastive.l2_normalize(part)
            assert (unit @ unit.T).fill_diagonal_(-1).max() < 0.99
            assert part.any(dim=1).all()


class TestLandscape:
    def test_curvature_is_the_hessians_largest_eigenvalue(self):
        # Few enough parameters for the whole Hessian: one column of each map, seen through the same batch.
        given = experiments.descriptors()
        generator = torch.Generator().manual_seed(1)
        small = [
            (0.05 * torch.randn(part.shape[1], 2, generator=generator)).requires_grad_() for part in given[:2]
        ]
        found = top_curvature(small, 10.0, seed=0, iterations=60)
        images, texts = given.train_images[:256], given.train_texts[:256]
        for _ in range(2):  # the quadratic form along random directions never exceeds it
            direction = [torch.randn(part.shape, generator=generator) for part in small]
            norm = math.sqrt(sum(float(part.square().sum()) for part in direction))
            gradient = torch.autograd.grad(tower_loss(small, images, texts, 10.0), small, create_graph=True)
            along = sum((g * d / norm).sum() for g, d in zip(gradient, direction, strict=True))
            product = torch.autograd.grad(along, small)
            form = sum(float((p * d / norm).sum()) for p, d in zip(product, direction, strict=True))
            assert abs(form) <= found * 1.001
        assert found == pytest.approx(top_curvature(small, 10.0, seed=7, iterations=60), rel=0.02)

    def test_curvature_grows_as_the_temperature_shrinks(self):
        found = experiments.landscape(temperatures=(1.0, 0.1, 0.01), seeds=(0,), iterations=15, draws=4)
        assert found.curvature[0] * 5 < found.curvature[1]
        assert found.curvature[1] * 5 < found.curvature[2]

    def test_noise_of_a_batch_that_never_changes_would_be_zero(self, towers, monkeypatch):
        assert gradient_noise(towers, 1.0, seed=0, draws=4) > 0
        monkeypatch.setattr(torch, "randperm", lambda n, generator: torch.arange(n))
        assert gradient_noise(towers, 1.0, seed=0, draws=4) == pytest.approx(0, abs=1e-6)

    def test_descent_chooses_among_rates_in_units_of_the_temperature(self):
        found = experiments.descent(temperatures=(1.0, 0.1), steps=3)
        for temperature, rate in zip(found.temperatures, found.best_rate, strict=True):
            assert math.log(rate / temperature, 4) == pytest.approx(round(math.log(rate / temperature, 4)))


def test_towers_project_to_unit_vectors(towers):
    given = experiments.descriptors()
    found = cosines(towers, given.train_images[:9], given.train_texts[:9])
    assert found.shape == (9, 9)
    assert found.abs().max() <= 1 + 1e-5


def test_calibration_has_its_best_scale_inside():
    found = experiments.caption_calibration(scales=(1.0, 10.0, 100.0), pairs=128)
    assert found.errors[1] < min(found.errors[0], found.errors[2])
    assert found.confidence[0] < found.accuracy < found.confidence[2]
    assert 1 < found.best_scale_for_error < 100


def test_the_right_step_finds_the_lowest_loss_and_the_printed_one_does_not():
    found = experiments.buggy_scale(steps=200)
    assert found.right == pytest.approx(found.best, rel=1e-2)
    assert abs(found.buggy - found.best) > 1
    assert found.buggy_loss > found.right_loss
