"""The experiments of lesson 08 measure what the lesson says they measure."""

import pytest
import torch

from course_lib import quantization
from course_lib.experiments import quantization_aware as experiments
from course_lib.experiments.quantization_aware.literal import literal_fake_quantize, literally
from course_lib.experiments.quantization_aware.study import Run, arm_run
from course_lib.experiments.quantization_aware.tuning import (
    prepared,
    recall_with,
    renew_statistics,
    shipped,
    tune,
)


def test_the_mean_under_dither_is_a_clip_and_the_estimator_its_slope():
    found = experiments.dithered(draws=2001, points=51)
    assert found.largest_error < 1e-3
    middle = [
        abs(slope - estimate)
        for x, slope, estimate in zip(found.x, found.slope, found.estimated, strict=True)
        if abs(x % 1 - 0.5) < 1e-9 and -2 < x < 1
    ]
    assert middle
    assert max(middle) < 1e-3
    outside = [s for x, s in zip(found.x, found.estimated, strict=True) if not -2 <= x <= 1]
    assert set(outside) == {0.0}


def test_the_printed_gradient_is_s_everywhere():
    x = torch.tensor([-9.0, 0.3, 9.0], requires_grad=True)
    y = literal_fake_quantize(x, 0.25, 0, -8, 7)
    assert torch.equal(y, quantization.fake_quantize(x, 0.25, 0, -8, 7))
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [0.25, 0.25, 0.25]
    weight = torch.tensor([[1.0, 9.0], [0.1, 0.2]], requires_grad=True)
    y = literal_fake_quantize(weight, torch.tensor([0.5, 0.1]), 0, -8, 7, axis=0)
    assert torch.allclose(torch.autograd.grad(y.sum(), weight)[0], torch.tensor([[0.5, 0.5], [0.1, 0.1]]))


def test_a_clipped_weight_is_stuck_as_meant_and_moves_as_printed():
    found = experiments.clipped_weight(steps=200)
    assert found.meant == (2.5, 2.5)
    assert abs(found.literal[0] - 0.5) < 0.2
    assert found.literal[1] > 10
    assert found.steps_to_return is not None


def test_the_factor_is_a_learning_rate_for_sgd_and_nearly_nothing_for_adam():
    found = experiments.optimizers(steps=100)
    assert found.difference < 1e-12
    assert found.sgd_literal > 3 * found.sgd_meant
    assert abs(found.adam_literal - found.adam_meant) < 0.02


def test_a_learned_limit_comes_close_to_the_best():
    found = experiments.learned_limit(size=5000)
    assert found.best_db >= found.learned_db > found.best_db - 0.2
    assert found.largest_db < 2


def test_a_weight_between_codes_spends_its_time_as_the_target_wants():
    for rate in (0.1, 0.02):
        found = experiments.between(target=0.3, learning_rate=rate, steps=int(40 / rate))
        assert found.share_up == pytest.approx(0.3, abs=0.02)
        assert found.travel < 1.1 * rate
        assert found.reversals > 10


def test_the_bugs_cost_what_the_lesson_says():
    found = experiments.buggy_conversion()
    assert found.mended > 40
    assert max(found.printed, found.only_batch_statistics, found.only_bias) < 10
    assert found.batch_statistics_on_their_batch > 40


def test_folding_commutes_with_steps_for_each_channel():
    found = experiments.folding()
    assert found.per_channel == 0
    assert found.per_tensor > 0.5
    assert found.float_error < 1e-5
    assert found.converted_error < 1e-5


def test_the_printed_factors_multiply_through_the_layers():
    eight, two = experiments.printed_gradients(8), experiments.printed_gradients(2)
    assert list(eight.ratio) == sorted(eight.ratio)
    assert eight.ratio[0] < 1e-7
    assert two.ratio[0] > 10
    assert min(two.activation_steps[1:]) > 1


def test_adam_undoes_the_factor_until_epsilon_wins():
    assert min(experiments.adam_travel(3, steps=2).ratio) > 0.98
    eight = experiments.adam_travel(8, steps=2).ratio
    assert eight[0] < 0.05
    assert eight[-1] > 0.8


def test_fine_tuning_repeats_and_moves_the_tower_only():
    start = prepared(shipped().image_tower, 4)
    towers = [tune(prepared(shipped().image_tower, 4), steps=2, seed=3, learning_rate=1e-3) for _ in range(2)]
    assert towers[0].losses == towers[1].losses
    layer, other = towers[0].tower[0], start[0]
    assert not torch.equal(layer.core.weight, other.core.weight)
    assert not layer.observing
    assert layer.observer.batches == other.observer.batches + 1  # of two steps, the first half


def test_renewed_statistics_are_those_of_the_training_pictures():
    tower = shipped().image_tower
    before = recall_with(tower)
    renew_statistics(tower)
    assert recall_with(tower).seen == pytest.approx(before.seen, abs=0.02)


def test_literally_keeps_values_and_changes_gradients():
    model = prepared(shipped().image_tower, 3).eval()
    other = literally(model).eval()
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(images), other(images))
    assert type(other[0]) is not type(model[0])


def test_frozen_weights_rest():
    free = experiments.restless(steps=26, schedule="constant", window=12, bits=4)
    frozen = experiments.restless(steps=26, schedule="frozen", window=12, bits=4)
    assert 0 < frozen.share < free.share < 0.2


def test_a_run_of_the_study():
    run = arm_run("float", 32, 0, steps=2)
    assert run._fields == Run._fields
    assert 0.6 < run.seen < 0.9


class TestRecorded:
    """What the lesson says of the recorded study, as far as it is meant to hold again."""

    def test_every_arm_has_its_seeds(self):
        for arm in ("qat", "lsq"):
            assert experiments.arms_study(arm=arm).seeds >= 3

    def test_rounding_in_training_pays_where_bits_are_few(self):
        arms = experiments.arms_study("seen")
        gain = dict(zip(arms.bits, arms.gain, strict=True))
        assert gain[2] > gain[3] > gain[4]
        assert abs(gain[8]) < 0.01

    def test_new_statistics_are_a_part_of_the_gain(self):
        plain, renewed = experiments.arms_study("seen"), experiments.arms_study("seen_renewed")
        at = plain.bits.index(3)
        assert plain.float_then_quantized[at] < renewed.float_then_quantized[at] < plain.aware[at]

    def test_a_rate_that_falls_ends_most_of_the_oscillation(self):
        found = experiments.oscillation_study()
        share = dict(zip(found.schedules, found.share, strict=True))
        assert share["decay"] < 0.5 * share["constant"]

    def test_a_constant_rate_costs_as_much_without_rounding(self):
        rounded, smooth = experiments.oscillation_study(), experiments.float_rate_study()
        costs = [study.recall[0] - study.recall[1] for study in (rounded, smooth)]
        assert min(costs) > 0.01
        assert abs(costs[0] - costs[1]) < 0.015

    def test_the_runs_say_how_they_were_made(self):
        recorded = experiments.recorded_studies()
        assert recorded["generator"] == "scripts/study_quantization.py"
        assert recorded["threads"] == 1
        assert {"torch", "numpy", "python"} == set(recorded["versions"])
