"""Layers with integer weights, beside their definitions in int64 and float64, whichever kernel runs."""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import (
    W8A8Linear,
    WeightOnlyLinear,
    dequantize,
    kernels,
    quantize,
    quantize_per_channel,
    unpack_int4,
)

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 70))
SEEDS = st.integers(0, 2**31)
PROBES = ("w8a8_works", "int4_works", "int8_works")


def problem(tokens, outputs, dim, seed=0, bias=True):
    generator = torch.Generator().manual_seed(seed)
    linear = torch.nn.Linear(dim, outputs, bias=bias)
    for parameter in linear.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return torch.randn(tokens, dim, generator=generator), linear


@pytest.fixture
def without_kernels(monkeypatch):
    for probe in PROBES:
        monkeypatch.setattr(kernels, probe, lambda: False)


def defined(x, linear, x_scale=None):
    """Quantized by the library's functions, summed in int64, scaled in float64."""
    w = quantize_per_channel(linear.weight.detach(), -127, 127, symmetric=True)
    if x_scale is None:
        q = quantize_per_channel(x, -127, 127, symmetric=True)
        codes, x_scale = q.codes, q.scale.double()[:, None]
    else:
        codes = quantize(x, x_scale, 0, -127, 127)
    sums = codes.long() @ w.codes.long().T
    bias = 0 if linear.bias is None else linear.bias.detach().double()
    terms = sums.double() * x_scale * w.scale.double()
    return terms + bias, terms.abs() + (bias.abs() if linear.bias is not None else 0)


def assert_rounded_only(got, wanted):
    """A float32 rounding for the sum, one for each of two scales, and one for the bias."""
    exact, size = wanted
    assert got.dtype == torch.float32
    assert ((got.double() - exact).abs() <= 5 * 2.0**-24 * size + 1e-37).all()


class TestW8A8:
    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.booleans())
    def test_it_is_the_integer_arithmetic(self, shape, seed, bias):
        x, linear = problem(*shape, seed, bias)
        assert_rounded_only(W8A8Linear.from_linear(linear)(x), defined(x, linear))

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.sampled_from([0.003, 0.03]))  # with the smaller one most activations are clipped
    def test_one_scale_for_all_tokens(self, shape, seed, x_scale):
        x, linear = problem(*shape, seed)
        layer = W8A8Linear.from_linear(linear, x_scale)
        step = layer.x_scale
        assert step.item() == pytest.approx(x_scale)
        assert_rounded_only(layer(x), defined(x, linear, step))
        assert torch.equal(W8A8Linear.from_linear(linear, step)(x), layer(x))

    @settings(max_examples=20, deadline=None)
    @given(SHAPES, SEEDS)
    def test_both_kernels_agree(self, shape, seed):
        x, linear = problem(*shape, seed)
        layer = W8A8Linear.from_linear(linear)
        with_kernel = layer(x)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "w8a8_works", lambda: False)
            other = W8A8Linear.from_linear(linear)
            assert other.kernel == "float"
            without = other(x)
        assert_rounded_only(without, defined(x, linear))
        assert torch.allclose(without, with_kernel, rtol=1e-6, atol=1e-5)

    def test_the_largest_sums_are_exact(self, without_kernels):
        """2500 is more than two slices, and 2500 · 127² more than float32 holds exactly."""
        codes = torch.full((1, 2500), 127, dtype=torch.int8)
        other = codes.clone()
        other[0, 0] = 126
        assert kernels.exact_sums(other, codes).item() == 2499 * 127**2 + 126 * 127
        assert kernels.exact_sums(-other, codes).item() == -(2499 * 127**2 + 126 * 127)

    def test_a_kernel_that_saturates_would_not_be_taken(self, monkeypatch):
        def saturating(x_codes, packed):
            products = (x_codes.int() + 128)[:, None] * packed.int()
            pairs = products.unflatten(2, (-1, 2)).sum(dim=3).clamp(-(2**15), 2**15 - 1)
            return (pairs.sum(dim=2) - 128 * packed.int().sum(dim=1)).float()

        monkeypatch.setattr(kernels, "pack_w8a8", lambda codes, scale, bias: codes)
        monkeypatch.setattr(kernels, "w8a8_product", saturating)
        assert not kernels.w8a8_works.__wrapped__()

    def test_a_wider_layer_than_the_accumulator_takes_the_other_kernel(self):
        x, linear = problem(1, 1, kernels.WIDEST + 1)
        layer = W8A8Linear.from_linear(linear)
        assert layer.kernel == "float"
        assert_rounded_only(layer(x), defined(x, linear))

    def test_tokens_do_not_share_a_scale(self):
        x, linear = problem(3, 3, 8)
        layer = W8A8Linear.from_linear(linear)
        alone = layer(x[1:])
        x[0] *= 1e6
        assert torch.equal(layer(x)[1:], alone)

    def test_a_token_of_zeros_gives_the_bias(self):
        _, linear = problem(1, 4, 8)
        assert torch.equal(W8A8Linear.from_linear(linear)(torch.zeros(1, 8))[0], linear.bias.detach())

    def test_printed(self):
        layer = W8A8Linear.from_linear(problem(1, 3, 8)[1], 0.5)
        assert repr(layer) == (
            f"W8A8Linear(in_features=8, out_features=3, bias=True, kernel='{layer.kernel}', x_scale=0.5)"
        )
        assert "x_scale=per token" in repr(W8A8Linear.from_linear(problem(1, 3, 8)[1]))

    @pytest.mark.parametrize(
        ("x_scale", "message"),
        [
            (0.0, "x_scale must be positive, got 0: it is the width of a step."),
            (torch.ones(2), "x_scale must be one number, got shape [2]."),
        ],
    )
    def test_a_scale_that_is_none(self, x_scale, message):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            W8A8Linear.from_linear(problem(1, 3, 8)[1], x_scale)
        assert str(caught.value) == message


# outputs, dim, bits, group_size, kernel: shapes that the kernels take, and neighbours that they do not
WEIGHT_ONLY = [
    (16, 64, 4, 32, "int4pack"),
    (48, 128, 4, 128, "int4pack"),
    (32, 64, 4, None, "int4pack"),
    (17, 64, 4, 32, "dequantize"),
    (16, 48, 4, 16, "dequantize"),
    (5, 33, 4, None, "dequantize"),
    (5, 9, 4, 3, "dequantize"),
    (7, 48, 8, None, "int8pack"),
    (1, 16, 8, None, "int8pack"),
    (16, 33, 8, None, "dequantize"),  # torch 2.13's kernel crashes or errs here
    (16, 8, 8, None, "dequantize"),
    (16, 64, 8, 32, "dequantize"),
]


@pytest.mark.parametrize(("outputs", "dim", "bits", "group_size", "kernel"), WEIGHT_ONLY)
class TestWeightOnly:
    @pytest.mark.parametrize("tokens", [1, 3, 8])
    @pytest.mark.parametrize("bias", [True, False])
    def test_it_is_the_product_with_the_dequantized_weight(
        self, outputs, dim, bits, group_size, kernel, tokens, bias
    ):
        x, linear = problem(tokens, outputs, dim, bias=bias)
        layer = WeightOnlyLinear.from_linear(linear, bits, group_size)
        works = {"int4pack": kernels.int4_works, "int8pack": kernels.int8_works}.get(kernel, lambda: True)()
        assert layer.kernel == (kernel if works else "dequantize")
        weight = layer.dequantized_weight().double()
        exact = x.double() @ weight.T
        size = x.double().abs() @ weight.abs().T
        if bias:
            exact += linear.bias.detach().double()
            size += linear.bias.detach().double().abs()
        # bfloat16: half a unit of 2⁻⁸ each for x and for a weight, and one for the result
        unit = 2.0**-20 if layer.kernel == "dequantize" else 1.5 * 2.0**-8
        got = layer(x)
        assert got.dtype == torch.float32
        assert ((got.double() - exact).abs() <= unit * size).all()

    def test_no_weight_is_off_by_more_than_half_a_step(self, outputs, dim, bits, group_size, kernel):
        _, linear = problem(1, outputs, dim)
        layer = WeightOnlyLinear.from_linear(linear, bits, group_size)
        step = layer.scale.float().repeat_interleave(layer.group_size, dim=1)
        assert ((layer.dequantized_weight() - linear.weight).abs() <= step * 0.5001).all()

    def test_what_is_stored(self, outputs, dim, bits, group_size, kernel):
        _, linear = problem(1, outputs, dim)
        layer = WeightOnlyLinear.from_linear(linear, bits, group_size)
        groups = dim // (group_size or dim)
        assert layer.scale.dtype == torch.bfloat16
        assert layer.scale.shape == (outputs, groups)
        codes = layer.codes if bits == 8 else unpack_int4(layer.codes, dim)
        assert codes.abs().max() == 2 ** (bits - 1) - 1
        assert layer.weight_bytes() == outputs * (((dim + 1) // 2 if bits == 4 else dim) + 2 * groups)
        wide = layer.scale.float().repeat_interleave(dim // groups, dim=1)
        assert torch.equal(layer.dequantized_weight(), dequantize(codes, 1.0, 0) * wide)

    def test_bfloat16_comes_back(self, outputs, dim, bits, group_size, kernel):
        x, linear = problem(2, outputs, dim)
        layer = WeightOnlyLinear.from_linear(linear, bits, group_size)
        got = layer(x.bfloat16())
        assert got.dtype == torch.bfloat16
        assert torch.allclose(got.float(), layer(x), rtol=0.02, atol=0.02 * float(layer(x).abs().max()))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 6), st.integers(1, 9), SEEDS)
def test_without_kernels_any_groups_will_do(tokens, outputs, groups, group_size, seed):
    x, linear = problem(tokens, outputs, groups * group_size, seed)
    with pytest.MonkeyPatch.context() as patch:
        for probe in PROBES:
            patch.setattr(kernels, probe, lambda: False)
        for bits in (4, 8):
            layer = WeightOnlyLinear.from_linear(linear, bits, group_size)
            wanted = torch.nn.functional.linear(
                x.double(), layer.dequantized_weight().double(), linear.bias.double()
            )
            assert layer.kernel == "dequantize"
            assert torch.allclose(layer(x).double(), wanted, rtol=1e-4, atol=1e-4)


def test_weight_only_printed():
    layer = WeightOnlyLinear.from_linear(problem(1, 3, 8)[1], group_size=4)
    assert repr(layer) == (
        "WeightOnlyLinear(in_features=8, out_features=3, bias=True, kernel='dequantize', bits=4, group_size=4)"
    )


@pytest.mark.parametrize("probe", PROBES)
def test_a_kernel_that_is_absent_or_refuses_is_not_used(probe, monkeypatch):
    def refuse(*_):
        raise RuntimeError("not for this processor")

    for name in ("w8a8_product", "int4_product", "int8_product"):
        monkeypatch.setattr(kernels, name, refuse)
    assert not getattr(kernels, probe).__wrapped__()
    for name in ("w8a8_product", "int4_product", "int8_product"):
        monkeypatch.setattr(kernels, name, lambda *_: torch.ops.aten.no_such_operator)
    assert not getattr(kernels, probe).__wrapped__()


LAYERS = {
    "w8a8": W8A8Linear.from_linear,
    "w8a8 static": lambda linear: W8A8Linear.from_linear(linear, 0.02),
    "int8": lambda linear: WeightOnlyLinear.from_linear(linear, 8, None),
    "int4": lambda linear: WeightOnlyLinear.from_linear(linear, 4, 32),
}


@pytest.mark.parametrize("name", LAYERS)
class TestEveryLayer:
    @pytest.fixture
    def x(self):
        return problem(6, 16, 64)[0]

    @pytest.fixture
    def linear(self):
        return problem(1, 16, 64)[1]

    def test_nothing_is_trained(self, name, x, linear):
        layer = LAYERS[name](linear)
        assert list(layer.parameters()) == []
        assert not layer(x.requires_grad_()).requires_grad

    def test_the_linear_layer_is_left_alone(self, name, x, linear):
        weight, bias = linear.weight.detach().clone(), linear.bias.detach().clone()
        layer = LAYERS[name](linear)
        before = layer(x)
        assert torch.equal(linear.weight, weight)
        assert torch.equal(linear.bias, bias)
        linear.weight.data.zero_()
        linear.bias.data.zero_()
        assert torch.equal(layer(x), before)

    def test_it_changes_no_argument(self, name, x, linear):
        before = x.clone()
        LAYERS[name](linear)(x)
        assert torch.equal(x, before)

    def test_any_leading_axes_and_strides(self, name, x, linear):
        layer = LAYERS[name](linear)
        assert torch.equal(layer(x.unflatten(0, (2, 3))), layer(x).unflatten(0, (2, 3)))
        assert torch.equal(layer(x.T.contiguous().T), layer(x))
        assert torch.allclose(layer(x[0]), layer(x)[0], rtol=0.01, atol=0.05)
        assert layer(x[0]).shape == (16,)

    def test_state_copies_and_pickles(self, name, x, linear):
        layer = LAYERS[name](linear)
        wanted = layer(x)
        assert torch.equal(copy.deepcopy(layer)(x), wanted)
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        assert torch.equal(torch.load(file, weights_only=False)(x), wanted)
        other = LAYERS[name](problem(1, 16, 64, seed=1)[1])
        assert not torch.equal(other(x), wanted)  # it has its layout of the old codes now
        other.load_state_dict(layer.state_dict())
        assert torch.equal(other(x), wanted)

    def test_inference_mode_and_back(self, name, x, linear):
        layer = LAYERS[name](linear)
        with torch.inference_mode():
            inside = layer(x).clone()
        assert torch.equal(layer(x), inside)

    def test_it_stays_close_to_the_layer_it_was_made_from(self, name, x, linear):
        error = (LAYERS[name](linear)(x) - linear(x)).norm() / linear(x).norm()
        assert error < {"w8a8": 0.02, "w8a8 static": 0.1, "int8": 0.02, "int4": 0.15}[name]

    @pytest.mark.parametrize(
        ("linear", "kind", "message"),
        [
            (torch.eye(3), TypeError, "linear must be a torch.nn.Linear, got Tensor."),
            (
                torch.nn.Linear(32, 2).double(),
                TypeError,
                "linear.weight must be torch.float32, got torch.float64: convert with linear.float().",
            ),
        ],
    )
    def test_no_linear_layer(self, name, linear, kind, message):
        with pytest.raises(kind) as caught:
            LAYERS[name](linear)
        assert str(caught.value) == message

    @pytest.mark.parametrize("what", ["weight", "bias"])
    def test_parameters_that_are_not_finite(self, name, what, linear):
        getattr(linear, what).data.view(-1)[1] = float("nan")
        place = "[0, 1]" if what == "weight" else "[1]"
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            LAYERS[name](linear)
        assert str(caught.value) == f"linear.{what} must be finite, got nan at index {place}."

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_activations_that_are_not_finite(self, name, value, x, linear):
        x[2, 5] = value
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            LAYERS[name](linear)(x)
        assert str(caught.value) == f"x must be finite, got {value} at index [2, 5]."

    def test_activations_that_do_not_fit(self, name, x, linear):
        layer = LAYERS[name](linear)
        with pytest.raises(
            TypeError, match=r"^x must be .*, got torch\.float64: convert it with x\.float\(\)\.$"
        ):
            layer(x.double())
        with pytest.raises(TypeError, match=r"^x must be a torch\.Tensor, got list"):
            layer(x.tolist())
        with pytest.raises(
            ValueError, match=r"^x must have 64 features in its last axis, got shape \[6, 63\]\.$"
        ):
            layer(x[:, 1:])
        with pytest.raises(ValueError, match=r"^x must not be empty, got shape \[0, 64\]\.$"):
            layer(x[:0])
        with pytest.raises(ValueError, match=r"^x must be on the device of the weight, cpu, got meta\.$"):
            layer(x.to("meta"))


@pytest.mark.parametrize("bits", [3, 16, 4.0, True, "4", None])
def test_bits_that_no_kernel_has(bits):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        WeightOnlyLinear.from_linear(problem(1, 4, 8)[1], bits)
    assert str(caught.value) == f"bits must be 4 or 8, got {bits!r}."


def test_groups_that_leave_a_rest():
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        WeightOnlyLinear.from_linear(problem(1, 4, 8)[1], 4, 3)
    assert str(caught.value) == "group_size must divide the last axis, of 8, got 3: 2 would be left over."
