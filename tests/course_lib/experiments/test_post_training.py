"""The experiments of lesson 07's first notebook measure what the lesson says they measure."""

import math

import pytest
import torch

from course_lib import quantization
from course_lib.experiments import post_training as experiments
from course_lib.experiments.post_training import machine as machines
from course_lib.experiments.post_training import whole_models
from course_lib.experiments.post_training.layers import UNPACKED
from course_lib.experiments.post_training.rounding import adaround
from course_lib.language import LlamaConfig
from course_lib.quantization import kernels

TINY = LlamaConfig(vocab_size=64, dim=32, hidden_dim=64, num_layers=2, num_heads=4, num_kv_heads=2)
MACHINE = experiments.Machine(
    "a processor", "none", 1, None, *(experiments.Spread(*3 * (rate,)) for rate in (1e9, 4e9, 8e9))
)


@pytest.fixture
def tiny(monkeypatch):
    """No fetched model, and one of toy size in its place."""
    monkeypatch.setattr(whole_models, "SIZES", TINY)
    monkeypatch.setattr(whole_models, "smollm2_missing", lambda: "not here")


def test_both_roofs_are_measured_and_the_int8_one_only_with_an_exact_kernel(monkeypatch):
    found = experiments.roofline(megabytes=4, size=128, seconds=0.01)
    assert 0 < found.bandwidth.low <= found.bandwidth.median <= found.bandwidth.high
    assert found.float32.median > 0
    assert math.isnan(found.int8.median) is not kernels.w8a8_works()
    monkeypatch.setattr(kernels, "w8a8_works", lambda: False)
    assert math.isnan(experiments.roofline(megabytes=1, size=64, seconds=0.0).int8.high)
    assert found.processor
    assert found.threads == 1


def test_timing_uses_as_many_threads_as_asked_for_and_gives_them_back():
    before = torch.get_num_threads()
    seen = []
    machines.in_turn({"a": lambda: seen.append(torch.get_num_threads())}, 0.0, threads=2)
    assert set(seen) == {2}
    with pytest.raises(ZeroDivisionError):
        machines.in_turn({"a": lambda: 1 / 0}, 0.0, threads=2)
    assert torch.get_num_threads() == before


def test_contenders_take_turns_after_a_first_round_that_is_not_kept():
    ran = []
    taken = machines.in_turn({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, 0.0, at_least=2)
    assert "".join(ran) == "ababab"
    assert {name: len(times) for name, times in taken.items()} == {"a": 2, "b": 2}
    assert machines.times_as_fast([2.0, 3.0, 8.0], [1.0, 1.0, 2.0]) == (3.0, 2.0, 4.0)
    assert machines.per_second(6.0, [1.0, 2.0, 3.0]) == (3.0, 2.0, 6.0)


@pytest.mark.parametrize(
    ("text", "answer"), [("flags : avx2 avx512_vnni", True), ("flags : avx2 fma", False), ("", None)]
)
def test_whether_there_is_an_instruction_is_read_from_the_system(monkeypatch, text, answer):
    monkeypatch.setattr(machines, "_cpuinfo", lambda: text)
    assert machines.has_vnni() is answer


def test_decoding_is_predicted_from_the_bytes_that_the_layers_count(tiny):
    found = experiments.decoding(MACHINE, prompt=8, seconds=0.02)
    assert "random" in found.model
    per_block = 32 * (2 * 32 + 2 * 16 + 3 * 64)
    assert found.megabytes[0] == pytest.approx(4 * (2 * per_block + 64 * 32) / 1e6)
    assert list(found.megabytes) == sorted(found.megabytes, reverse=True)
    assert found.bound[0] == pytest.approx(1e3 / found.megabytes[0])
    assert found.head_share == pytest.approx(4 * 64 * 32 / 1e6 / found.megabytes[-1])
    assert all(one.median > 0 for one in (*found.products, *found.measured, found.prefill))


def test_batches_lie_under_a_roof_that_ends_at_the_critical_batch(tiny):
    found = experiments.batches(MACHINE, sequences=(1, 8, 64), seconds=0.01)
    assert found.critical == 8
    assert found.roof[0] == pytest.approx(found.roof[1] / 8)
    assert found.roof[1] == pytest.approx(found.roof[2])
    assert found.memory_roof[2] == pytest.approx(8 * found.memory_roof[1])


def test_sizes_are_those_of_the_model_and_agree_with_the_library():
    counted = experiments.sizes()
    assert counted.parameters == pytest.approx(134.5, abs=0.05)
    assert counted.weights[0] == pytest.approx(4 * counted.parameters)
    assert counted.cache[1] * 1e6 == 2 * 30 * 3 * 64 * 2
    assert counted.intensity[0] == 0.5
    assert counted.equal_at[1] == pytest.approx(counted.weights[1] / counted.cache[1])


def test_a_layer_in_every_format_and_once_written_out():
    found = experiments.layer_speeds(tokens=2, dim=64, outputs=32, seconds=0.0)
    assert found.formats == ("float32", "bfloat16", "W8A8", "W8A16", "W4A16", UNPACKED)
    assert found.speed[0].median == 1
    assert found.dequantized_speed == found.speed[-1].median
    assert found.megabytes[0] * 1e6 == 4 * 64 * 32
    assert found.megabytes[4] * 1e6 == 64 * 32 / 2 + 2 * 2 * 32
    assert found.kernels[4] in ("int4pack", "dequantize")


def test_only_w8a8_counts_in_integers():
    counted = experiments.arithmetic(outputs=32, tokens=4)
    assert counted.w8a8 == 1  # with either kernel
    assert counted.weight_only < 0.1
    assert counted.formats == ("float32", "bfloat16", "W8A8", "W8A16", "W4A16")
    assert counted.exact[1] < 0.1


def test_eight_bits_want_the_whole_range_and_four_the_least_error():
    eight, four = (experiments.calibrated(bits=bits) for bits in (8, 4))
    behind = {
        table.bits: dict(zip(table.observers, table.worst_loss, strict=True)) for table in (eight, four)
    }
    assert behind[8]["MinMax"] < 0.5
    assert behind[4]["Histogram"] == 0
    assert behind[4]["MinMax"] > 5
    assert min(behind[8]["Percentile"], behind[8]["Entropy"]) > 30
    assert eight.flat[:5] == eight.sqnr[0]


def test_calibration_and_test_are_different_batches():
    for values in experiments.calibration_data().values():
        half = len(values) // 2
        assert len(values) == 2 * half
        assert not torch.equal(values[:half], values[half:])


def test_no_range_suits_the_massive_token_and_all_others():
    token = experiments.massive_token()
    place = {name: i for i, name in enumerate(token.observers)}
    whole, without = place["MinMax"], place["MinMax, without first tokens"]
    assert token.overall[whole] > 40
    assert token.others[whole] < 0.2
    assert token.others[without] > 20
    assert token.first[without] < 0.2
    assert not any(min(pair) > 1 for pair in zip(token.first[:-1], token.others[:-1], strict=True))
    assert min(token.first[-1], token.others[-1]) > 30
    assert token.largest_first > 400 * token.largest_others


def test_ranges_of_heavy_tails_keep_growing():
    growing = experiments.unseen(counts=(1, 8, 64))
    assert list(growing.range) == sorted(growing.range)
    assert growing.outside[0] > growing.outside[-1] > 0


def test_a_cache_with_a_scale_for_each_token_has_less_error_than_one_for_each_head():
    cached = experiments.cache_error(context=(16, 112))
    error = dict(zip(cached.formats, cached.longest, strict=True))
    for bits in (8, 4):
        assert error[f"int{bits}, a scale for each head"] > 2 * error[f"int{bits}, a scale for each token"]
    keys = dict(zip(cached.formats, cached.keys_only, strict=True))
    assert keys["int4, a scale for each channel"] < 0.6 * keys["int4, a scale for each token"]
    assert cached.kilobytes[-1] == 2 * 3 * 64 * 112 * 4 / 1e3


def test_the_bytes_of_a_cache_are_those_of_real_tensors():
    cached = experiments.cache_error(context=(112,))
    states = torch.randn(1, 3, 112, 64, generator=torch.Generator().manual_seed(0))
    found = quantization.quantize_kv(states, 8)
    scales = found.scale.numel() * 2 + found.zero_point.numel()  # 16 bits and 8
    assert cached.kilobytes[0] * 1e3 == 2 * (found.codes.nbytes + scales)


def test_without_the_model_the_long_context_is_skipped(monkeypatch):
    from course_lib.experiments.post_training import cache

    monkeypatch.setattr(cache, "smollm2_missing", lambda: "not here")
    assert experiments.long_cache_error() is None


def test_rounding_to_the_nearest_is_best_for_weights_and_worst_for_outputs():
    found = experiments.rounding(seeds=2)
    nearest, gptq, learned = found.unseen
    assert nearest > 1.5 * learned
    assert nearest > 2.5 * gptq
    assert found.weight_error[0] == min(found.weight_error)
    assert found.gradient_steps == (0, 0, 400)
    assert found.moved[0] == 0


def test_adaround_ends_on_the_grid_beside_each_weight():
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 8, generator=draw, dtype=torch.float64)
    scale = weight.abs().amax(dim=1, keepdim=True) / 3
    w_hat = adaround(weight, scale, torch.randn(64, 8, generator=draw, dtype=torch.float64), -3, 3, steps=40)
    codes = w_hat / scale
    assert torch.allclose(codes, codes.round())
    assert bool(((w_hat - weight).abs() <= scale * (1 + 1e-9)).all())
