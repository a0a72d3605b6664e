"""The measurements of lesson 09 show what the lesson says of them."""

import math

import pytest
import torch

from course_lib import quantization
from course_lib.experiments import smoothquant as experiments
from course_lib.experiments.smoothquant.recipes import LINEARS, linear_at, linear_names
from course_lib.experiments.smoothquant.study import FLOAT, RECIPES, SEARCHED
from course_lib.language import Llama, LlamaConfig

CONFIG = LlamaConfig(vocab_size=30, dim=16, hidden_dim=24, num_layers=2, num_heads=2, num_kv_heads=1)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Llama(CONFIG).eval()


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(30, (3, 12), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def calibration(model, tokens):
    return experiments.calibrate(model, tokens, batch_size=2)


def outputs(model, tokens):
    with torch.inference_mode():
        return model(tokens)


def test_calibration_sees_what_each_layer_reads(model, tokens, calibration):
    assert set(calibration.all_tokens) == {f"layers.{i}.{name}" for i, name in linear_names(model)}
    seen = {}
    layer = linear_at(model, "layers.1.mlp.down_proj")
    handle = layer.register_forward_pre_hook(lambda _, given: seen.update(x=given[0]))
    outputs(model, tokens)
    handle.remove()
    name = "layers.1.mlp.down_proj"
    assert torch.allclose(calibration.all_tokens[name], quantization.act_absmax([seen["x"]]), rtol=1e-5)
    assert torch.allclose(
        calibration.without_first[name], quantization.act_absmax([seen["x"][:, 1:]]), rtol=1e-5
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.85])
def test_smoothing_alone_changes_no_output(model, tokens, calibration, alpha):
    recipe = experiments.Recipe(activations="none", weights="none", alpha=alpha, smooth_down=True)
    new = experiments.quantized(model, recipe, calibration)
    assert torch.allclose(outputs(new, tokens), outputs(model, tokens), rtol=1e-4, atol=1e-4)
    smoothed = linear_at(model, "layers.0.mlp.down_proj").weight
    assert not torch.allclose(new.get_submodule("layers.0.mlp.down_proj").weight, smoothed)


def test_the_model_itself_is_left_alone(model, tokens, calibration):
    before, names = outputs(model, tokens), set(calibration.all_tokens)
    maxima = {name: value.clone() for name, value in calibration.all_tokens.items()}
    experiments.quantized(model, experiments.Recipe(alpha=0.5, smooth_down=True), calibration)
    assert torch.equal(outputs(model, tokens), before)
    assert all(torch.equal(calibration.all_tokens[name], maxima[name]) for name in names)


def test_the_simulation_is_the_integer_layer(model, calibration):
    name = "layers.0.mlp.gate_proj"
    linear, x = linear_at(model, name), torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2))
    for activations in ("static", "token"):
        recipe = experiments.Recipe(activations=activations, weights="channel")
        simulated = experiments.quantized(model, recipe, calibration).get_submodule(name)
        x_scale = float(calibration.all_tokens[name].max()) / 127 if activations == "static" else None
        want = quantization.w8a8_linear(x.flatten(0, 1), linear.weight.detach(), x_scale)
        assert torch.allclose(simulated(x).flatten(0, 1), want, rtol=1e-4, atol=1e-5)


def test_the_first_position_can_be_kept_float(model, calibration):
    recipe = experiments.Recipe(weights="none", keep_first=True)
    layer = experiments.quantized(model, recipe, calibration).get_submodule("layers.0.mlp.gate_proj")
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2))
    kept = linear_at(model, "layers.0.mlp.gate_proj")(x)
    assert torch.allclose(layer(x)[:, 0], kept[:, 0], atol=1e-6)
    assert not torch.allclose(layer(x)[:, 1:], kept[:, 1:], atol=1e-6)
    scale = float(calibration.without_first["layers.0.mlp.gate_proj"].max()) / 127
    assert layer.x_scale == pytest.approx(scale)


def test_every_matrix_is_quantized_but_the_one_kept(model, calibration):
    new = experiments.quantized(model, experiments.Recipe(keep_down=True), calibration)
    for block, name in linear_names(model):
        layer = new.get_submodule(f"layers.{block}.{name}")
        assert isinstance(layer, experiments.SimulatedW8A8)
        assert (layer.x_scale is None) == (name == "mlp.down_proj")
    assert len(LINEARS) == 7


def test_finer_scales_are_closer_to_the_float_model(model, tokens, calibration):
    truth = outputs(model, tokens)

    def error(**settings):
        new = experiments.quantized(model, experiments.Recipe(**settings), calibration)
        return float((outputs(new, tokens) - truth).norm())

    assert error(activations="token", weights="channel") < error()


def test_the_outlier_is_a_token():
    look = experiments.first_look()
    assert look.channel == 1229
    assert look.ratio > 4000
    assert look.ratio_without_first < 15
    assert look.largest_without_first < 0.2 < look.median
    channel = experiments.first_look(12, "qkv")
    assert channel.ratio == channel.ratio_without_first


def test_kinds_of_the_recorded_inputs():
    found = experiments.kinds()
    kinds = dict(zip(found.inputs, found.kinds, strict=True))
    assert kinds["11 down"] == "token"
    assert kinds["28 down"] == "both"
    assert kinds["12 qkv"] == "channel"
    massive = {name for name, places in zip(found.inputs, found.massive_positions, strict=True) if places}
    assert massive == {"11 down", "28 down"}
    assert all(places in ((), (0,)) for places in found.massive_positions)


def test_a_static_scale_silences_the_ordinary_tokens():
    found = experiments.static_scale()
    assert found.zeros == 1.0
    assert found.ordinary_error == pytest.approx(1.0)
    assert found.ordinary_error_without_first < 0.1


def test_what_each_remedy_is_worth():
    found = experiments.remedies()
    error = dict(zip(found.names, found.ordinary, strict=True))
    assert (
        error["per token"]
        < error["static, first token kept out"]
        < error["static, α = 0.85"]
        < error["static, α = 0.5"]
        < error["static"]
    )
    assert error["per token, α = 0.5"] > 2 * error["per token"]
    assert math.isnan(found.first[3])


def test_migration_helps_where_the_channel_is_persistent():
    found = experiments.migration()
    assert min(found.static) < found.static_unsmoothed / 5
    assert min(found.per_token) < found.per_token_unsmoothed / 5
    assert 0.6 <= found.best <= 0.8
    # One scale for a whole weight wants less migrated into it.
    assert experiments.migration(per_channel=False).best < found.best


def test_the_premise_on_made_up_layers():
    channel = experiments.premise("channel", per_token=True)
    none, half, full = channel.mean[0], channel.mean[2], channel.mean[4]
    assert 0.15 < half < 0.25
    assert channel.largest[2] < 0.25
    assert 0.9 < none < 1.1
    assert 0.9 < full < 1.1
    assert experiments.premise("none", per_token=True).mean[2] == pytest.approx(1, abs=0.01)
    assert experiments.premise("token", per_token=True).mean[2] > 4
    assert experiments.premise("token").mean[2] < 0.4


def test_the_printed_formula_is_the_librarys():
    found = experiments.printed_migration()
    assert found.product_error < 1e-14
    assert found.scale_error < 1e-14
    assert found.maxima_differ < 1e-14


def test_speed_gives_a_number_for_each_size():
    found = experiments.speed(tokens=(1, 4), dim=32, outputs=16, seconds=0.002)
    assert found.kernel in ("fbgemm", "float")
    for times in (found.float32, found.static, found.per_token):
        assert len(times) == 2
        assert min(times) > 0


def test_the_printed_bugs_change_the_outputs():
    found = experiments.buggy_attention()
    assert found.error > 0.1
    assert found.error_without_bias > 0.1
    assert found.nan_with_dead_channel == found.outputs


def test_every_recipe_is_recorded_once_on_the_same_sequences():
    study = experiments.recorded_study()
    lines = [line for line in study["runs"] if line["what"] == "perplexity"]
    assert [line["recipe"] for line in lines] == [*RECIPES, *SEARCHED]
    assert {len(line["losses"]) for line in lines} == {study["text"]["tested"]}


def test_the_recorded_table_tells_the_story():
    found = {row.recipe: row for row in experiments.recorded()}
    assert found[FLOAT].ratio == 1
    assert found["static"].ratio > 2
    assert found["W8 per channel, float activations"].ratio < 1.01
    dynamic = found["per token, W per channel"]
    assert dynamic.ratio < 1.05
    (one,) = experiments.recorded("static")
    assert one == found["static"]
    assert experiments.compared("static", FLOAT) == (one.ratio, one.ratio_error)
    assert experiments.float_perplexity().value == found[FLOAT].perplexity


def test_massive_tokens_of_the_model_are_first_positions_of_down_proj_but_in_one_layer():
    found = experiments.model_outliers()
    assert {name for _, name, *_ in found.massive} == {"down"}
    assert {block for block, *_, first in found.massive if first} == {11, 28, 29}
    assert [block for block, *_, first in found.massive if not first] == [2]
    assert dict(zip(found.inputs, found.with_channels, strict=True))["qkv"] == 30


def test_searched_strengths_lie_inside():
    found = experiments.searched_strengths()
    assert found.inputs == ("qkv", "gate_up", "down")
    for low, middle, high in zip(found.least, found.median, found.largest, strict=True):
        assert 0.4 <= low <= middle <= high < 1
