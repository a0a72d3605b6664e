"""Every public function refuses a bad argument in one sentence: its name, what was expected, what came."""

import copy
import inspect

import pytest
import torch
from torch import nn

from course_lib import quantization

X = torch.tensor([[1.0, -2.0, 0.5, 0.0], [3.0, 0.25, -1.0, 2.0]])
CODES = torch.tensor([[1, -2, 3, 0], [7, -8, 0, 2]], dtype=torch.int8)
GRID = {"scale": 0.25, "zero_point": 1}
RANGE = {"qmin": -8, "qmax": 7}
STATES = torch.stack([X, -X]).unsqueeze(0)


def prepared():
    model = quantization.prepare_qat(nn.Linear(4, 2))
    quantization.calibrate(model, [X])
    return model


# A good call of every public function. The tests below spoil one argument at a time.
GOOD = {
    "act_absmax": {"batches": [X, X[:1]]},
    "affine_qparams": {"x_min": -1.0, "x_max": 2.0, **RANGE},
    "apply_smoothing": {"norm": nn.LayerNorm(4), "linears": [nn.Linear(4, 2)] * 2, "scales": torch.ones(4)},
    "attention_error": {
        "queries": STATES,
        "keys": STATES,
        "values": STATES,
        "keys_hat": STATES + 0.1,
        "values_hat": STATES + 0.1,
    },
    "awq_search_scale": {"weight": X, "inputs": torch.eye(4), "bits": 4, "group_size": 2},
    "awq_weight": {"weight": X, "scale": torch.ones(4), "bits": 4, "group_size": 2},
    "best_clip": {"x": X, "bits": 4},
    "bytes_per_token": {"parameters": 100, "bits": 4, "group_size": 32},
    "calibrate": {"model": prepared(), "batches": [X]},
    "can_fold": {"path": [nn.Linear(4, 4), torch.mul]},
    "channel_qparams": {"x": X, **RANGE},
    "clip_and_round_error": {"x": X, **GRID, **RANGE},
    "code_range": {"bits": 8},
    "compensate": {"weight": X, "column": 1, "values": X[:, 0], "hessian": 2 * torch.eye(4)},
    "convert": {"model": prepared()},
    "critical_batch": {"bits_per_weight": 4.5, "bandwidth": 1e9, "rate": 1e11},
    "dequantize": {"codes": CODES, **GRID},
    "dequantize_kv": {
        "codes": CODES.reshape(1, 2, 2, 2),
        "scale": torch.ones(1, 2, 2, 1),
        "zero_point": torch.ones(1, 2, 2, 1, dtype=torch.int64),
    },
    "dithered_quantize": {"x": X, "noise": torch.zeros_like(X), "scale": 0.25, **RANGE},
    "effective_bits": {"bits": 4, "group_size": 2},
    "fake_quantize": {"x": X, **GRID, **RANGE},
    "fold_batch_norm": {
        "weight": X,
        "bias": None,
        "gamma": torch.ones(2),
        "beta": torch.zeros(2),
        "running_mean": torch.zeros(2),
        "running_var": torch.ones(2),
    },
    "fold_into_linear": {"previous": nn.Linear(2, 4), "linears": nn.Linear(4, 2), "scales": torch.ones(4)},
    "gptq_quantize": {"weight": X, "inputs": torch.eye(4), "bits": 4, "group_size": 2},
    "int_matmul": {
        "x_codes": CODES,
        "w_codes": CODES,
        "x_scale": 0.5,
        "x_zero_point": 0,
        "w_scale": 0.5,
        "w_zero_point": 0,
    },
    "inverse_factor": {"hessian": torch.eye(3)},
    "layer_hessian": {"inputs": X, "damping": 0.1},
    "pack_int4": {"codes": CODES},
    "kv_bytes_per_token": {"layers": 2, "heads": 3, "dim": 8, "bits": 4},
    "lsq_fake_quantize": {"x": X, "scale": torch.tensor(0.25), **RANGE},
    "lsq_initial_step": {"x": X, "qmax": 7},
    "oscillating": {"codes": CODES},
    "outlier_kind": {"x": X.T},
    "predicted_sqnr_db": {"bits": 8, "crest": 4.0},
    "prepare_qat": {"model": nn.Linear(4, 2)},
    "quantization_error": {"x": X, "x_hat": X + 0.1},
    "quantize": {"x": X, **GRID, **RANGE},
    "quantize_kv": {"states": STATES, "bits": 4},
    "quantize_per_channel": {"x": X, **RANGE},
    "quantize_per_group": {"x": X, "group_size": 2, **RANGE},
    "quantize_per_tensor": {"x": X, **RANGE},
    "roofline_tokens_per_second": {"bandwidth": 1e9, "bytes_read": 1e6, "rate": 1e11, "operations": 2e6},
    "round_ste": {"x": X},
    "set_observing": {"model": prepared(), "observing": False},
    "search_alpha": {
        "calibration": X,
        "held_out": X[:1],
        "weights": [X, X[:1]],
        "alphas": torch.tensor([0.0, 0.5]),
    },
    "smooth_scales": {"act_absmax": torch.ones(4), "weights": [X, X[:1]], "alpha": 0.5},
    "sqnr_db": {"x": X, "x_hat": X + 0.1},
    "unpack_int4": {"packed": CODES.to(torch.uint8), "dim": 8},
    "tokens_per_second_bound": {"bandwidth": 1e9, "bytes_read": 1e6},
    "w8a8_linear": {"x": X, "weight": X, "x_scale": 0.02},
}


def taking(argument):
    return [function for function, arguments in GOOD.items() if argument in arguments]


def refusal(function, **changes) -> tuple[type[Exception], str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(quantization, function)(**{**GOOD[function], **changes})
    return type(caught.value), str(caught.value)


def test_every_public_function_is_listed():
    functions = {name for name in quantization.__all__ if inspect.isfunction(getattr(quantization, name))}
    assert functions == set(GOOD)


@pytest.mark.parametrize("function", GOOD)
def test_the_good_call_passes_and_changes_no_argument(function):
    before = copy.deepcopy(GOOD[function])
    getattr(quantization, function)(**GOOD[function])
    assert tensors_of(GOOD[function]).keys() == tensors_of(before).keys()
    for name, value in tensors_of(GOOD[function]).items():
        assert torch.equal(value, tensors_of(before)[name])


def tensors_of(value, name="") -> dict[str, torch.Tensor]:
    """All tensors in arguments, lists and modules, by place."""
    if isinstance(value, nn.Module):
        value = value.state_dict()
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, inner in items for k, v in tensors_of(inner, f"{name}.{key}").items()}
    return {name: torch.as_tensor(value)} if isinstance(value, torch.Tensor | int | float) else {}


@pytest.mark.parametrize("function", taking("x"))
class TestValues:
    def test_no_tensor(self, function):
        assert refusal(function, x=X.numpy()) == (
            TypeError,
            "x must be a torch.Tensor, got numpy.ndarray: convert it with torch.as_tensor(x).",
        )

    def test_half_precision(self, function):
        assert refusal(function, x=X.half()) == (
            TypeError,
            "x must be torch.float32 or torch.float64, got torch.float16: convert it with x.float().",
        )

    def test_empty(self, function):
        assert refusal(function, x=X[:0]) == (ValueError, "x must not be empty, got shape [0, 4].")

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_not_finite(self, function, value):
        spoiled = X.clone()
        spoiled[1, 2] = value
        assert refusal(function, x=spoiled) == (
            ValueError,
            f"x must be finite, got {value} at index [1, 2].",
        )


COUNTING = ("bytes_per_token", "kv_bytes_per_token")  # 32 bits are the floats that are not quantized


@pytest.mark.parametrize("function", [function for function in taking("bits") if function not in COUNTING])
@pytest.mark.parametrize("bits", [1, 0, 17])
def test_bits_out_of_range(function, bits):
    assert refusal(function, bits=bits) == (ValueError, f"bits must be an integer from 2 to 16, got {bits}.")


@pytest.mark.parametrize("function", taking("qmin"))
def test_codes_that_are_no_range(function):
    assert refusal(function, qmin=7) == (
        ValueError,
        "qmin must be less than qmax, got qmin = 7 and qmax = 7.",
    )
    assert refusal(function, qmax=2**16) == (
        ValueError,
        "qmin to qmax must be at most 65536 codes, got 65545.",
    )
    assert refusal(function, qmax=7.0) == (
        TypeError,
        "qmax must be an integer from -65536 to 65536, got float (7.0).",
    )


NO_STEP = (
    "awq_weight",
    "dequantize_kv",
    "lsq_fake_quantize",
)  # whose scale is no step, or has to be a tensor
GRIDDED = [function for function in taking("scale") if function not in NO_STEP]


@pytest.mark.parametrize("function", GRIDDED)
@pytest.mark.parametrize("scale", [0.0, -0.5])
def test_a_step_without_width(function, scale):
    assert refusal(function, scale=scale) == (
        ValueError,
        f"scale must be positive, got {scale:g}: it is the width of a step.",
    )


@pytest.mark.parametrize("function", GRIDDED)
def test_scales_that_are_none(function):
    assert refusal(function, scale=None) == (
        TypeError,
        "scale must be a number or a float tensor, got NoneType.",
    )
    assert refusal(function, scale=float("nan")) == (ValueError, "scale must be finite, got nan.")
    assert refusal(function, scale=torch.tensor(1)) == (
        TypeError,
        "scale must be torch.float32 or torch.float64, got torch.int64: convert it with scale.float().",
    )


@pytest.mark.parametrize("function", taking("zero_point"))
def test_zero_points_are_integers(function):
    kind, message = refusal(function, zero_point=1.5)
    assert kind is TypeError
    assert message.startswith("zero_point must be an integer from")
    assert refusal(function, zero_point=torch.tensor(1.0)) == (
        TypeError,
        "zero_point must be an integer or an integer tensor, got a tensor of torch.float32.",
    )


@pytest.mark.parametrize(
    ("function", "name"), [("quantize", "x"), ("fake_quantize", "x"), ("dequantize", "codes")]
)
class TestGranularity:
    def test_channels_without_an_axis(self, function, name):
        assert refusal(function, scale=torch.ones(4)) == (
            ValueError,
            f"axis must say which axis of {name} the 4 scales belong to, got None.",
        )

    def test_channels_of_another_number(self, function, name):
        assert refusal(function, scale=torch.ones(3), axis=1) == (
            ValueError,
            f"scale must hold one number for each of the 4 channels along axis 1 of {name}, got 3.",
        )

    def test_groups_that_do_not_divide(self, function, name):
        assert refusal(function, scale=torch.ones(2, 3)) == (
            ValueError,
            "scale must have shape [], [channels] or [rows, groups], the groups dividing the rows of "
            f"{name} (shape [2, 4]), got [2, 3].",
        )

    def test_no_such_axis(self, function, name):
        assert refusal(function, axis=2) == (ValueError, "axis must be an integer from -2 to 1, got 2.")

    def test_zero_points_of_another_shape(self, function, name):
        assert refusal(function, scale=torch.ones(4), zero_point=torch.zeros(3).long(), axis=1) == (
            ValueError,
            "zero_point must have the shape of scale: expected [4], got [3].",
        )


@pytest.mark.parametrize(
    "function", ["quantize_per_group", "gptq_quantize", "awq_search_scale", "awq_weight"]
)
def test_group_size_that_leaves_a_rest(function):
    assert refusal(function, group_size=3) == (
        ValueError,
        "group_size must divide the last axis, of 4, got 3: 1 would be left over.",
    )


def test_a_range_upside_down():
    assert refusal("affine_qparams", x_min=3.0) == (ValueError, "x_min must be at most x_max, got 3 and 2.")
    ends = {"x_min": torch.tensor([0.0, 3.0]), "x_max": torch.tensor([1.0, 2.0])}
    assert refusal("affine_qparams", **ends) == (
        ValueError,
        "x_min must be at most x_max, got 3 and 2 at index [1].",
    )


def test_ranges_that_are_none():
    assert refusal("affine_qparams", x_max=float("inf")) == (ValueError, "x_max must be finite, got inf.")
    assert refusal("affine_qparams", qmin=0, symmetric=True) == (
        ValueError,
        "symmetric codes need a negative half, got qmin = 0 and qmax = 7.",
    )
    assert refusal("affine_qparams", x_min=2.0, include_zero=False) == (
        ValueError,
        "x_min and x_max must differ where the range need not hold 0, got a constant.",
    )


@pytest.mark.parametrize("function", taking("x_hat"))
def test_pairs(function):
    assert refusal(function, x_hat=X[:1]) == (
        ValueError,
        "x_hat must have the shape of x: expected [2, 4], got [1, 4].",
    )
    assert refusal(function, x_hat=X.double()) == (
        TypeError,
        "x_hat must have the dtype of x: expected torch.float32, got torch.float64.",
    )


def test_no_signal():
    assert refusal("sqnr_db", x=torch.zeros(2, 4)) == (
        ValueError,
        "x must not be all zeros: there is no signal to compare the noise with.",
    )
    assert refusal("best_clip", x=torch.zeros(2)) == (
        ValueError,
        "x must not be all zeros: every clip limit is equally good.",
    )


def test_crest_below_1():
    assert refusal("predicted_sqnr_db", crest=0.5) == (
        ValueError,
        "crest must be at least 1, got 0.5: no mean is above the maximum.",
    )


def test_codes_that_are_none():
    assert refusal("dequantize", codes=X) == (
        TypeError,
        "codes must be an integer tensor, got torch.float32.",
    )
    assert refusal("int_matmul", w_codes=CODES[:, :3]) == (
        ValueError,
        "w_codes must have the width of x_codes: expected [2, 4], got [2, 3].",
    )
    assert refusal("int_matmul", x_codes=CODES.int() * 100) == (
        ValueError,
        "x_codes must be of at most 8 bits, got values from -800 to 700.",
    )
    assert refusal("int_matmul", w_scale=torch.ones(4)) == (
        ValueError,
        "w_scale must be one number, or one for each of the 2 rows of w_codes, got shape [4].",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batches": X}, "batches must be an iterable of tensors, got one tensor: put it into a list."),
        ({"batches": []}, "batches must hold at least one tensor, got none."),
        ({"batches": [X, X[:, :3]]}, "batches[1] must have the 4 channels of the batches before, got 3."),
        (
            {"batches": [torch.tensor(1.0)]},
            "batches[0] must have a last axis, the channels, got a single number.",
        ),
        (
            {"batches": [X, X.double()]},
            "batches[1] must have the dtype of batches[0]: expected torch.float32, got torch.float64.",
        ),
        ({"batches": [X / 0]}, "batches[0] must be finite, got inf at index [0, 0]."),
    ],
)
def test_batches(changes, message):
    assert refusal("act_absmax", **changes)[1] == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"act_absmax": -torch.ones(4)}, "act_absmax must be at least 0, got -1: it holds magnitudes."),
        ({"act_absmax": X}, "act_absmax must have 1 axis, [channels], got 2 axes (shape [2, 4])."),
        ({"weights": []}, "weights must hold at least one tensor, got none."),
        (
            {"weights": None},
            "weights must be a torch.Tensor, got NoneType: convert it with torch.as_tensor(weights).",
        ),
        (
            {"weights": [X, X.T]},
            "weights[1] must have one column for each of the 4 channels of act_absmax, got shape [4, 2].",
        ),
        (
            {"weights": X.T},
            "weights must have one column for each of the 4 channels of act_absmax, got shape [4, 2].",
        ),
        ({"alpha": 1.5}, "alpha must be a number from 0 to 1, got 1.5."),
    ],
)
def test_smoothing_scales(changes, message):
    assert refusal("smooth_scales", **changes)[1] == message


class GemmaNorm(nn.RMSNorm):
    def forward(self, x):
        return super().forward(x) / self.weight * (1 + self.weight)


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        (
            "apply_smoothing",
            {"norm": nn.Linear(4, 4)},
            "norm must be a LayerNorm, an RMSNorm or a module like them, got Linear.",
        ),
        (
            "apply_smoothing",
            {"norm": nn.LayerNorm(4, elementwise_affine=False)},
            "norm must have a weight to divide, got a LayerNorm without one.",
        ),
        (
            "apply_smoothing",
            {"norm": GemmaNorm(4), "scales": torch.full((4,), 2.0)},
            "norm must put out its normalised input times weight, plus bias, but GemmaNorm puts out something else than 1/s of it when both are divided by s.",
        ),
        ("apply_smoothing", {"linears": []}, "linears must hold at least one layer, got none."),
        (
            "apply_smoothing",
            {"linears": [nn.Linear(4, 2), nn.GELU()]},
            "linears[1] must be an nn.Linear, got GELU.",
        ),
        (
            "apply_smoothing",
            {"linears": nn.Linear(2, 4)},
            "linears must take the 4 channels of the layer before, got 2.",
        ),
        (
            "apply_smoothing",
            {"scales": torch.ones(3)},
            "scales must hold one number for each of 4 channels, got 3.",
        ),
        ("apply_smoothing", {"scales": torch.zeros(4)}, "scales must be positive, got 0."),
        ("fold_into_linear", {"previous": nn.LayerNorm(4)}, "previous must be an nn.Linear, got LayerNorm."),
        (
            "fold_into_linear",
            {"previous": nn.Linear(4, 2)},
            "linears must take the 2 channels of the layer before, got 4.",
        ),
        ("can_fold", {"path": []}, "path must hold at least the layer that is to be divided, got none."),
    ],
)
def test_modules_that_cannot_be_folded(function, changes, message):
    assert refusal(function, **changes)[1] == message


def test_outliers_need_an_ordinary_token():
    assert refusal("outlier_kind", x=X)[1] == (
        "x must hold at least 3 tokens of several channels, got shape [2, 4]: "
        "with fewer no token is the ordinary one."
    )
    assert refusal("outlier_kind", rare=2)[1] == "rare must be a number from 0 to 1, got 2."
    assert refusal("outlier_kind", token_ratio=0.0)[1] == "token_ratio must be greater than 0, got 0.0."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"damping": -1.0}, "damping must be at least 0, got -1.0."),
        ({"damping": float("inf")}, "damping must be finite, got inf."),
        (
            {"damping": 0, "inputs": X.double(), "weight": X.double()},
            "damping must be larger, got 0: with 2 tokens for 4 inputs the Hessian cannot be inverted.",
        ),
        ({"block_size": 0}, "block_size must be an integer of at least 1, got 0."),
        ({"group_scales": "new"}, "group_scales must be one of block, updated, original, got 'new'."),
    ],
)
def test_what_gptq_cannot_work_with(changes, message):
    assert refusal("gptq_quantize", **changes)[1] == message


@pytest.mark.parametrize("function", ["gptq_quantize", "awq_search_scale"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"inputs": X.T},
            "inputs must have shape [..., 4], one number for each column of weight, got [4, 2].",
        ),
        ({"inputs": X[0]}, "inputs must have shape [..., 4], one number for each column of weight, got [4]."),
        (
            {"inputs": X.double()},
            "inputs must have the dtype of weight: expected torch.float32, got torch.float64.",
        ),
        ({"inputs": X / 0}, "inputs must be finite, got inf at index [0, 0]."),
        ({"weight": X[0]}, "weight must have 2 axes, [outputs, inputs], got 1 axis (shape [4])."),
    ],
)
def test_weights_and_inputs_that_do_not_fit(function, changes, message):
    assert refusal(function, **changes)[1] == message


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        ("awq_search_scale", {"grid": 0}, "grid must be an integer of at least 1, got 0."),
        (
            "awq_weight",
            {"scale": torch.ones(3)},
            "scale must hold one number for each of the 4 columns of weight, got 3.",
        ),
        ("awq_weight", {"scale": torch.zeros(4)}, "scale must be positive, got 0."),
        (
            "awq_weight",
            {"scale": torch.ones(4).double()},
            "scale must have the dtype of weight: expected torch.float32, got torch.float64.",
        ),
    ],
)
def test_what_awq_cannot_work_with(function, changes, message):
    assert refusal(function, **changes)[1] == message


@pytest.mark.parametrize("function", COUNTING)
def test_bits_of_floats_and_codes(function):
    assert refusal(function, bits=33) == (ValueError, "bits must be an integer from 2 to 32, got 33.")
    assert refusal(function, bits=4.5) == (
        TypeError,
        "bits must be an integer from 2 to 32, got float (4.5).",
    )
    assert refusal(function, scale_bits=-1) == (
        ValueError,
        "scale_bits must be an integer of at least 0, got -1.",
    )


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        (
            "quantize_kv",
            {"states": X},
            "states must have 4 axes, [batch, heads, tokens, dim], got 2 axes (shape [2, 4]).",
        ),
        ("quantize_kv", {"states": STATES / 0}, "states must be finite, got inf at index [0, 0, 0, 0]."),
        ("quantize_kv", {"per": "layer"}, "per must be one of token, head, channel, got 'layer'."),
        (
            "dequantize_kv",
            {"scale": torch.ones(1, 2, 3, 1), "zero_point": 0},
            "scale must have the batch and heads of codes, and its tokens and dim or 1, for codes of shape [1, 2, 2, 2], got [1, 2, 3, 1].",
        ),
        (
            "dequantize_kv",
            {"codes": CODES},
            "scale must have the batch and heads of codes, and its tokens and dim or 1, for codes of shape [2, 4], got [1, 2, 2, 1].",
        ),
        (
            "dequantize_kv",
            {"scale": 1.0},
            "scale must be a torch.Tensor, got float: convert it with torch.as_tensor(scale).",
        ),
        ("dequantize_kv", {"codes": STATES}, "codes must be an integer tensor, got torch.float32."),
        (
            "attention_error",
            {"keys": STATES[:, :1]},
            "values must have the shape of keys: expected [1, 1, 2, 4], got [1, 2, 2, 4].",
        ),
        (
            "attention_error",
            {"queries": STATES[:, :1]},
            "queries must have the batch, heads and dim of keys, of shape [1, 2, 2, 4], got [1, 1, 2, 4].",
        ),
        (
            "attention_error",
            {"values_hat": STATES.double()},
            "values_hat must have the dtype of queries: expected torch.float32, got torch.float64.",
        ),
        (
            "attention_error",
            {"values": STATES * 0},
            "values must not give an output of all zeros: there is nothing to compare with.",
        ),
        ("kv_bytes_per_token", {"heads": 0}, "heads must be an integer of at least 1, got 0."),
        (
            "bytes_per_token",
            {"parameters": 7e9},
            "parameters must be an integer of at least 1, got float (7000000000.0).",
        ),
        ("bytes_per_token", {"group_size": 0}, "group_size must be an integer of at least 1, got 0."),
        ("bytes_per_token", {"batch": 0}, "batch must be an integer of at least 1, got 0."),
        ("bytes_per_token", {"kv_bytes": -1.0}, "kv_bytes must be at least 0, got -1.0."),
        ("bytes_per_token", {"kv_bytes": float("inf")}, "kv_bytes must be finite, got inf."),
        ("bytes_per_token", {"context": -1}, "context must be an integer of at least 0, got -1."),
        ("roofline_tokens_per_second", {"rate": 0}, "rate must be greater than 0, got 0.0."),
        ("roofline_tokens_per_second", {"operations": -1}, "operations must be greater than 0, got -1.0."),
        ("roofline_tokens_per_second", {"bandwidth": 0}, "bandwidth must be greater than 0, got 0.0."),
        ("critical_batch", {"bits_per_weight": 0}, "bits_per_weight must be greater than 0, got 0.0."),
        ("critical_batch", {"rate": float("inf")}, "rate must be finite, got inf."),
        ("tokens_per_second_bound", {"bandwidth": 0}, "bandwidth must be greater than 0, got 0.0."),
        ("tokens_per_second_bound", {"bytes_read": float("nan")}, "bytes_read must be finite, got nan."),
    ],
)
def test_caches_and_counts(function, changes, message):
    assert refusal(function, **changes)[1] == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"held_out": X[:, :3]}, "held_out must have the 4 channels of calibration, got 3."),
        ({"alphas": torch.tensor([0.5, 1.5])}, "alphas must lie between 0 and 1, got 0.5 to 1.5."),
        ({"alphas": torch.tensor(0.5)}, "alphas must have 1 axis, [candidates], got 0 axes (shape [])."),
        (
            {"weights": X[:, :3]},
            "weights must have one column for each of the 4 channels of act_absmax, got shape [2, 3].",
        ),
        (
            {"held_out": torch.zeros(1, 4)},
            "held_out must give outputs that are not all 0: there is nothing to compare with.",
        ),
    ],
)
def test_searches_that_cannot_be_made(changes, message):
    assert refusal("search_alpha", **changes)[1] == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weight": X[:, :3]},
            "weight must have one column for each of the 4 channels of x, got shape [2, 3].",
        ),
        ({"x_scale": 0.0}, "x_scale must be positive, got 0: it is the width of a step."),
        ({"x": X[0]}, "x must have 2 axes, [tokens, dim], got 1 axis (shape [4])."),
    ],
)
def test_w8a8_products_that_cannot_be_taken(changes, message):
    assert refusal("w8a8_linear", **changes)[1] == message


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        ("prepare_qat", {"weight_bits": 1}, "weight_bits must be an integer from 2 to 16, got 1."),
        ("prepare_qat", {"activation_bits": 17}, "activation_bits must be an integer from 2 to 16, got 17."),
        ("prepare_qat", {"steps": "mse"}, 'steps must be "minmax" or "learned", got \'mse\'.'),
        ("prepare_qat", {"model": X}, "model must be a Sequential, Conv2d or Linear, got Tensor."),
        ("convert", {"model": nn.Linear(4, 2)}, "model must come from prepare_qat: it has no QATLayer."),
        ("convert", {"model": None}, "model must be a torch.nn.Module, got NoneType."),
        ("calibrate", {"batches": []}, "batches must hold at least one batch, got none."),
        (
            "calibrate",
            {"batches": [None]},
            "batches must be a torch.Tensor, got NoneType: convert it with torch.as_tensor(batches).",
        ),
        ("set_observing", {"observing": 1}, "observing must be a bool, got int."),
        (
            "fold_batch_norm",
            {"gamma": torch.ones(3)},
            "gamma must have one entry for each of the 2 outputs, got 3.",
        ),
        (
            "fold_batch_norm",
            {"running_var": -torch.ones(2)},
            "running_var must not be negative, got -1.",
        ),
        ("fold_batch_norm", {"weight": X[0]}, "weight must be [outputs, ...], got shape [4]."),
        (
            "fold_batch_norm",
            {"bias": torch.ones(2).double()},
            "bias must have the dtype of weight: expected torch.float32, got torch.float64.",
        ),
        ("lsq_fake_quantize", {"scale": 0.25}, "scale must be a tensor, which can be learned, got float."),
        (
            "lsq_fake_quantize",
            {"scale": torch.tensor(0.25).double()},
            "scale must have the dtype of x: expected torch.float32, got torch.float64.",
        ),
        (
            "lsq_fake_quantize",
            {"scale": torch.ones(2, 2)},
            "scale must be 0-d or [channels], got shape [2, 2].",
        ),
        (
            "lsq_fake_quantize",
            {"qmin": 1},
            "the codes must hold 0 and a positive one, got qmin = 1 and qmax = 7.",
        ),
        ("lsq_fake_quantize", {"grad_scale": 0.0}, "grad_scale must be greater than 0, got 0.0."),
        ("lsq_initial_step", {"qmax": 0}, "qmax must be an integer from 1 to 65536, got 0."),
        ("lsq_initial_step", {"axis": 2}, "axis must be an integer from -2 to 1, got 2."),
        (
            "oscillating",
            {"codes": CODES[:1]},
            "codes must be [steps, ...] of at least 2 steps, got shape [1, 4].",
        ),
        ("oscillating", {"codes": X}, "codes must be an integer tensor, got torch.float32."),
        ("oscillating", {"least": 0}, "least must be an integer of at least 1, got 0."),
        (
            "dithered_quantize",
            {"noise": torch.full_like(X, 0.75)},
            "noise must be at most half a step either way, got 0.75.",
        ),
        (
            "dithered_quantize",
            {"noise": X[:1]},
            "noise must have the shape of x: expected [2, 4], got [1, 4].",
        ),
        ("dithered_quantize", {"scale": torch.ones(2)}, "scale must be one number, got shape [2]."),
    ],
)
def test_quantization_aware_training(function, changes, message):
    assert refusal(function, **changes)[1] == message
