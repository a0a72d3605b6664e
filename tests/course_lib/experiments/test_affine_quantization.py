"""The experiments of lesson 06 measure what the lesson says they measure."""

import math

import pytest
import torch

from course_lib import quantization
from course_lib.experiments import affine_quantization as experiments


def test_the_printed_formulas_are_right_where_they_say_something():
    printed = experiments.printed_map(size=200)
    assert printed.codes_differ == 0
    assert max(printed.values_error, printed.scale_error, printed.error_error) < 1e-12
    assert math.isnan(printed.code_of_a_dead_tensor)
    assert printed.clipped_too_late > 0


def test_a_clip_limit_helps_most_where_bits_are_few():
    few = experiments.few_bits(bits=(2, 4, 8), size=20_000)
    gains = [one - other for one, other in zip(few.clipped, few.whole_range, strict=True)]
    assert gains[0] > gains[1] > gains[2] > 0
    assert all(limit < few.largest for limit in few.limits)
    assert abs(few.whole_range[2] - few.predicted[2]) < 0.1


def test_the_error_curve_has_its_least_where_best_clip_says():
    curve = experiments.error_curve(bits=3, size=20_000)
    lowest = curve.limits[curve.total.index(min(curve.total))]
    assert lowest == pytest.approx(float(quantization.best_clip(experiments.gaussian(20_000), 3)), abs=0.1)
    assert list(curve.clipping) == sorted(curve.clipping, reverse=True)


def test_the_twelfth_holds_for_many_steps_and_not_for_few():
    law = experiments.twelfth(bits=(2, 6), size=100_000)
    assert law.ratio[1] == pytest.approx(1, abs=0.01)
    assert law.ratio[0] < 0.6
    assert law.steps_per_deviation[0] < 0.25


def test_negative_codes_are_wasted_after_a_relu():
    relu = experiments.after_relu(size=20_000)
    assert relu.negative_codes_used == 0
    assert relu.ratio == pytest.approx((255 / 127) ** 2, rel=0.03)


def test_a_missing_zero():
    without = experiments.without_zero()
    assert without.zero_becomes == pytest.approx(2, abs=0.02)
    assert without.widened_zero_becomes == 0
    assert without.clamped_zero_becomes == 0
    assert without.clamped_share_cut == pytest.approx(0.5, abs=0.01)


def test_the_loud_channel_hides_the_others():
    loud = experiments.loud_channel(channels=64, width=1024)
    assert loud.int8_overall > 15
    assert loud.int8_others < 4
    assert loud.int8_zeros > 0.7
    assert loud.int3_others > loud.int8_others + 5
    seen = experiments.each_channel(channels=8, width=512)
    assert seen.one_scale[0] > 35
    assert max(seen.one_scale[1:]) < 5
    assert min(seen.own_scales) > 35


def test_finer_scales_cost_bits_and_save_noise():
    grains = experiments.granularity(rows=32, width=256)
    assert list(grains.sqnr) == sorted(grains.sqnr)
    assert list(grains.bits) == sorted(grains.bits)
    assert grains.bits[-1] == 5


def test_every_slip_in_an_integer_product_drowns_it():
    product = experiments.integer_product()
    assert product.rounding < 1e-10
    assert product.against_float_db > 35
    assert max(product.without_constant_db, product.without_zero_points_db, product.int8_sums_db) < 0


def test_bytes_are_counted():
    count = experiments.weight_bytes(rows=64, width=128, group_size=32)
    assert count.float32 == 4 * 64 * 128
    assert count.int8 == 64 * 128 + 2 * 64
    assert count.int4_bits == 4.5


def test_pictures_on_8_bits_are_exact():
    found = experiments.pictures(["pizza"], bits=(8, 2))
    assert found.versions.shape == (2, 1, 32, 32, 3)
    assert found.sqnr[0] > 100 > found.sqnr[1]
    assert len(torch.unique(found.versions[1])) <= 4


def test_clipping_saves_the_retrieval_at_2_bits():
    found = experiments.retrieval(bits=(2,))
    assert found.recall[0] < 0.05
    assert found.recall_clipped[0] > 0.15
    assert found.full == pytest.approx(0.277, abs=0.01)


def test_two_bugs_can_cancel_in_the_error():
    rows = experiments.buggy_rows(size=128)
    assert rows.printed > rows.mended
    assert rows.printed_codes > 15 >= rows.mended_codes
