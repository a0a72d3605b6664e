"""The experiments of lesson 07's second notebook measure what the notebook says they measure."""

import pytest
import torch

from course_lib import quantization
from course_lib.data.minilm import minilm_missing
from course_lib.experiments import gptq_awq as experiments
from course_lib.experiments.gptq_awq.layer import layer, nearest, output_error, weight_error


def test_errors_are_relative_and_squared():
    weight, x = torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    found = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
    assert weight_error(weight, found) == pytest.approx(0.25 / 2)
    assert output_error(weight, found, x) == pytest.approx(0.25 / 5)


def test_lower_weight_error_is_not_lower_output_error():
    errors = experiments.two_errors(bits=3)
    assert errors.methods == ("nearest", "AWQ", "GPTQ")
    assert errors.weight_ratio == pytest.approx(errors.weight[2] / errors.weight[0])
    assert errors.weight_ratio > 1.7
    assert errors.output_ratio < 0.52


def test_the_gain_comes_from_correlation():
    made = experiments.synthetic(seeds=4)
    assert made.correlated_output[0] < 0.7 < 2 < made.correlated_weight[0]
    assert 1 < made.independent_output[0] < 1.06


def test_the_factor_stands_for_its_tokens():
    """GPTQ on R is GPTQ on X, since it sees XᵀX only."""
    x, weight = layer().calibration.double()[:, :40], layer().weights["query"].double()[:8, :40]
    factor = torch.linalg.cholesky(x.T @ x, upper=True)
    on_x, on_r = (quantization.gptq_quantize(weight, inputs, 3).weight for inputs in (x, factor))
    assert torch.equal(on_x, on_r)


def test_more_tokens_make_gptq_better_and_awq_hardly():
    data = experiments.calibration_tokens(tokens=(64, 1024), choices=2)
    assert data.gptq[0] > 1.2 > 1 > data.gptq[1] > data.gptq_8192
    assert data.gptq_damped[0] < data.gptq[0]
    assert data.gptq_8192 < data.gptq_damped_8192 < 1.03 * data.gptq_8192
    assert abs(data.awq[0] - data.awq[1]) < 0.03
    assert data.gptq_spread[0] > 0 == data.gptq_spread[1]


def test_random_text_is_worse_than_none():
    text = experiments.calibration_text()
    assert max(text.prose) < 0.55
    assert min(text.random) > 1.15
    assert all(1 < damped < plain for damped, plain in zip(text.random_damped, text.random, strict=True))


def test_the_comparison_knows_its_bits_and_matrices():
    side = experiments.comparison(bits=(3,))
    value = side.matrices.index("value")
    assert side.nearest[0][0] == pytest.approx(
        output_error(layer().weights["query"], nearest(layer().weights["query"], 3), layer().held_out)
    )
    assert side.awq[0][value] < side.gptq_few[0][value]
    assert all(many < few < 1 for many, few in zip(side.gptq_many[0], side.gptq_few[0], strict=True))
    assert all(few < awq for few, awq in zip(side.gptq_few[0][:2], side.awq[0][:2], strict=True))
    assert min(side.weight_gptq[0]) > 1.6


def test_act_order_and_group_scales():
    order = experiments.act_order(bits=(3,))
    assert max(order.many[0]) < min(order.few[0]) < 1
    scales = experiments.group_scales(bits=(3,))
    assert scales.block[0] == pytest.approx(scales.updated[0], rel=0.02)
    assert scales.original_ordered[0] < 0.9 * scales.original[0]


def test_smaller_groups_help_all():
    small = experiments.groups(sizes=(384, 64))
    for row in (small.nearest, small.awq, small.gptq):
        assert row[1] < 0.65 * row[0]
    assert small.nearest[0] == pytest.approx(1)


def test_query_and_value_want_other_powers():
    powers = experiments.alpha_curve()
    assert powers.alphas[powers.query.index(min(powers.query))] == pytest.approx(powers.best[0])
    assert powers.best[0] < 0.5 < 0.7 < powers.best[1]
    assert powers.query[-1] > 1.5


def test_the_buggy_blocks_look_as_if_they_worked():
    blocks = experiments.buggy_blocks()
    assert 0.9 < blocks.printed < 1
    assert blocks.mended < 0.55
    assert blocks.block_sizes_differ < 0.001


def test_related_columns_are_related():
    weight, inputs = experiments.related_columns()
    assert (weight.shape, inputs.shape) == ((12,), (1024, 12))
    cosines = inputs.T @ inputs / inputs.norm(dim=0)[:, None] / inputs.norm(dim=0)
    assert cosines.abs().mean() > 0.3


@pytest.mark.parametrize("in_turn", [False, True])
@pytest.mark.parametrize("bits", [4, 3, 2])
def test_the_recorded_sentences_are_the_runs(bits, in_turn):
    found = experiments.recorded_sentences(bits, in_turn)
    assert found.methods == ("nearest", "AWQ, prose", "GPTQ, prose", "AWQ, words", "GPTQ, words")
    assert found.lost == pytest.approx([found.full_recall - share for share in found.recall], abs=2e-6)
    plain = experiments.recorded_sentences(bits)
    assert (found.recall[0], found.cosine[0]) == (plain.recall[0], plain.cosine[0])
    if in_turn:
        assert not set(found.cosine[1:]) & set(plain.cosine[1:])


@pytest.mark.slow
@pytest.mark.skipif(minilm_missing() is not None, reason=str(minilm_missing()))
def test_the_whole_model_in_eight_bits_is_the_whole_model():
    model = experiments.sentences(bits=(8,), methods=(("nearest", ""),))
    assert model.cosine[0][0] > 0.999
    assert model.centred[0][0] > 0.999
    assert model.lost[0][0] == pytest.approx(model.full_recall - model.recall[0][0])
    assert abs(model.lost[0][0]) <= 3 * model.lost_error[0][0] + 0.005
