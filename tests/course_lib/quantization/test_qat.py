"""Quantization-aware training: prepared, calibrated, trained, converted; and the parts of it."""

import copy

import pytest
import torch
from torch import nn

from course_lib.quantization import (
    IntegerLayer,
    QATLayer,
    calibrate,
    convert,
    dithered_quantize,
    fold_batch_norm,
    int_matmul,
    oscillating,
    prepare_qat,
    quantize,
    round_ste,
    set_observing,
)


def small_tower(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Sequential(nn.Conv2d(6, 4, 3, padding=1, groups=2), nn.BatchNorm2d(4)),
            nn.Flatten(),
            nn.Linear(4 * 16, 10),
            nn.BatchNorm1d(10),
            nn.ReLU(),
            nn.Linear(10, 5),
        )
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(norm.weight)  # of both signs
                nn.init.normal_(norm.bias)
        with torch.no_grad():
            for _ in range(5):
                model(torch.randn(16, 3, 8, 8))
    return model.eval()


def pictures(number=16, seed=1):
    return torch.randn(number, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def ready(weight_bits=4, activation_bits=8, **options):
    model = prepare_qat(small_tower(), weight_bits, activation_bits, **options)
    calibrate(model, [pictures()])
    return model.eval()


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("steps", ["minmax", "learned"])
@pytest.mark.parametrize("bits", [2, 4, 8, 12])
def test_a_converted_model_gives_what_the_prepared_one_gives(bits, steps):
    model = ready(bits, 8, steps=steps)
    prepared, integer = model(pictures(32, 5)), convert(model)(pictures(32, 5))
    # An activation on the border of two codes may fall either way: most outputs agree to rounding.
    off = (prepared - integer).abs() / prepared.abs().max()
    assert off.median() < 1e-6
    assert off.quantile(0.9) < 1e-4


def test_many_bits_change_nothing():
    model, x = small_tower(), pictures(32, 5)
    prepared = prepare_qat(model, 16, 16)
    calibrate(prepared, [pictures(200, 5)])
    assert torch.allclose(convert(prepared)(x), model(x), atol=2e-3)


def test_nothing_of_the_original_changes():
    model = small_tower()
    before = state(model)
    prepared = prepare_qat(model, 3, 3)
    calibrate(prepared, [pictures()])
    prepared.train()
    optimizer = torch.optim.SGD(prepared.parameters(), lr=0.1)
    prepared(pictures()).square().sum().backward()
    optimizer.step()
    learned = state(prepared)
    integer = convert(prepared)
    integer(pictures())
    assert all(torch.equal(value, state(model)[name]) for name, value in before.items())
    assert all(torch.equal(value, state(prepared)[name]) for name, value in learned.items())
    assert [type(one) for one in model] == [type(one) for one in small_tower()]


def test_calibration_changes_ranges_and_nothing_else():
    model = prepare_qat(small_tower().train())
    before = state(model)
    calibrate(model, [pictures(seed=s) for s in range(3)])
    assert all(torch.equal(value, state(model)[name]) for name, value in before.items())
    assert model.training
    assert not any(one.observing for one in model.modules() if isinstance(one, QATLayer))
    assert model[0].observer.batches == 3


def test_observers_rest_after_calibration_and_watch_when_told():
    model = ready()
    before = model[0].observer.qparams()
    model(100 * pictures())
    assert model[0].observer.qparams() == before
    set_observing(model, True)
    model(100 * pictures())
    assert model[0].observer.qparams() != before


def test_gradients_reach_weights_steps_biases_and_norms():
    model = ready(3, 4, steps="learned").train()
    model(pictures()).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_biases_are_not_rounded_and_weights_are():
    layer = convert(ready(3))[-1]
    assert isinstance(layer, IntegerLayer)
    assert torch.equal(layer.bias, small_tower()[-1].bias)
    assert layer.codes.dtype == torch.int8
    assert int(layer.codes.abs().max()) == 3
    assert "codes=[5, 10]" in repr(layer)


def test_training_lowers_the_loss_on_three_bits():
    teacher, x = small_tower(), pictures(64, 3)
    wanted = teacher(x).detach()
    model = ready(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def loss():
        return (model(x) - wanted).square().mean()

    before = loss().item()
    for _ in range(60):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.6 * before


def test_large_sums_are_exact():
    """3000 products of 12-bit codes leave float32's integers."""
    linear = nn.Linear(3000, 2, bias=False)
    model = prepare_qat(linear, 12, 12)
    x = torch.randn(4, 3000, generator=torch.Generator().manual_seed(0))
    calibrate(model, [x])
    integer = convert(model)
    codes = (torch.round(x / integer.x_scale) + integer.x_zero_point).clamp(*integer.x_codes).long()
    sums = (codes - integer.x_zero_point) @ integer.codes.long().T
    wanted = sums.double() * (integer.x_scale * integer.scale.double())
    assert torch.allclose(integer(x).double(), wanted, rtol=1e-6)


def test_an_integer_layer_against_the_integer_product():
    """The same codes through `int_matmul`, which multiplies in int32."""
    linear = nn.Linear(12, 5)
    model = prepare_qat(linear, 6, 8)
    x = torch.randn(30, 12, generator=torch.Generator().manual_seed(2)) + 0.5
    calibrate(model, [x])
    layer = convert(model)
    x_codes = quantize(x, layer.x_scale, layer.x_zero_point, *layer.x_codes)
    product = int_matmul(x_codes, layer.codes, layer.x_scale, layer.x_zero_point, layer.scale, 0)
    assert layer.x_zero_point != 0
    assert torch.allclose(layer(x), product + linear.bias, atol=1e-5)


def test_a_layer_alone():
    linear = nn.Linear(4, 3)
    model = prepare_qat(linear, 8, 8)
    calibrate(model, [torch.randn(20, 4)])
    assert isinstance(model, QATLayer)
    x = torch.rand(5, 4)
    assert torch.allclose(convert(model)(x), model(x), atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.GELU()), "got GELU at '0'"),
        (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)), "BatchNorm2d at '1' that follows neither"),
        (nn.Sequential(nn.Linear(2, 2).double()), "model must be in torch.float32"),
        (nn.Sequential(nn.Conv2d(2, 2, 3, padding_mode="reflect")), "pad with zeros only"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False)),
            "without running statistics or without gains",
        ),
        (nn.ReLU(), "model must be a Sequential, Conv2d or Linear, got ReLU"),
    ],
)
def test_what_cannot_be_prepared(model, message):
    with pytest.raises((TypeError, ValueError), match=message):
        prepare_qat(model)


def test_what_is_not_ready():
    model = prepare_qat(small_tower())
    with pytest.raises(RuntimeError, match="no calibration data"):
        model(pictures())
    with pytest.raises(RuntimeError, match="no calibration data"):
        convert(model)
    calibrate(model, [pictures()])
    set_observing(model, True)
    with pytest.raises(RuntimeError, match="an observer is still on"):
        convert(model)
    with pytest.raises(ValueError, match="at least one batch"):
        calibrate(model, [])


def test_a_failing_calibration_leaves_the_observers_off():
    model = prepare_qat(small_tower())
    with pytest.raises(ValueError, match="finite"):
        calibrate(model, [pictures() / 0])
    assert not model[0].observing


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_folding_against_both_layers(kind, bias):
    torch_layer = nn.Linear(5, 4, bias) if kind == "linear" else nn.Conv2d(5, 4, 3, bias=bias)
    norm = nn.BatchNorm1d(4) if kind == "linear" else nn.BatchNorm2d(4)
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(tensor)
    norm.running_var.uniform_(0.01, 3)
    x = torch.randn(6, 5) if kind == "linear" else torch.randn(6, 5, 7, 7)
    wanted = norm.eval()(torch_layer(x))
    folded = copy.deepcopy(torch_layer)
    weight, bias_ = fold_batch_norm(
        torch_layer.weight,
        torch_layer.bias,
        norm.weight,
        norm.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
    )
    folded.weight, folded.bias = nn.Parameter(weight), nn.Parameter(bias_)
    assert torch.allclose(folded(x), wanted, atol=1e-5)
    theirs = torch.nn.utils.fusion.fuse_conv_bn_weights if kind == "conv" else None
    if theirs is not None:
        expected, _ = theirs(
            torch_layer.weight,
            torch_layer.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        assert torch.allclose(weight, expected, atol=1e-6)


def test_rounding_goes_straight_through():
    x = torch.linspace(-3, 3, 25, requires_grad=True)
    y = round_ste(x)
    assert torch.equal(y.detach(), torch.round(x.detach()))
    (gradient,) = torch.autograd.grad((y * torch.arange(25.0)).sum(), x)
    assert torch.equal(gradient, torch.arange(25.0))


def test_the_mean_under_dither_is_a_clip():
    x = torch.linspace(-2.6, 1.9, 31, dtype=torch.float64)
    noise = torch.linspace(-0.5, 0.5, 4001, dtype=torch.float64)
    values = dithered_quantize(x[:, None].expand(-1, 4001), noise.expand(31, -1), 0.5, -4, 3)
    assert torch.allclose(values.mean(dim=1), x.clamp(-2, 1.5), atol=2e-4)


def test_reversals_are_counted_whatever_the_pauses():
    record = torch.tensor(
        [[0, 0, 0, 5], [1, 1, 0, 5], [1, 2, 0, 4], [0, 2, 0, 4], [0, 3, 0, 4], [1, 3, 0, 5]], dtype=torch.int8
    )
    assert oscillating(record).tolist() == [True, False, False, False]
    assert oscillating(record, least=1).tolist() == [True, False, False, True]
