"""Every message of `course_lib.validate`, word for word: the name, what was expected, what came."""

import re

import numpy as np
import pytest
import torch
from torch.func import grad, jacfwd, vmap

from course_lib import validate

MATRIX = torch.ones(4, 3)


def refusal(check, *arguments, **keywords) -> tuple[type[Exception], str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        check(*arguments, **keywords)
    return type(caught.value), str(caught.value)


def holding(value: float, shape=(4, 3), index=(2, 1)) -> torch.Tensor:
    tensor = torch.zeros(shape)
    tensor[index] = value
    return tensor


@pytest.mark.parametrize(
    ("value", "got"),
    [(np.ones((4, 3)), "numpy.ndarray"), ([[1.0]], "list"), (None, "NoneType"), (1.0, "float")],
)
def test_check_tensor(value, got):
    assert refusal(validate.check_tensor, "x", value) == (
        TypeError,
        f"x must be a torch.Tensor, got {got}: convert it with torch.as_tensor(x).",
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float16, torch.bfloat16, torch.complex64])
def test_check_floating(dtype):
    assert refusal(validate.check_floating, "x", MATRIX.to(dtype)) == (
        TypeError,
        f"x must be torch.float32 or torch.float64, got {dtype}: convert it with x.float().",
    )


@pytest.mark.parametrize(
    ("shape", "axes", "message"),
    [
        ((3,), ("batch", "dim"), "x must have 2 axes, [batch, dim], got 1 axis (shape [3])."),
        ((2, 3, 4), ("batch", "dim"), "x must have 2 axes, [batch, dim], got 3 axes (shape [2, 3, 4])."),
        ((), ("channels",), "x must have 1 axis, [channels], got 0 axes (shape [])."),
    ],
)
def test_check_rank(shape, axes, message):
    assert refusal(validate.check_rank, "x", torch.ones(shape), axes) == (ValueError, message)


def test_check_not_empty():
    assert refusal(validate.check_not_empty, "x", torch.ones(0, 3)) == (
        ValueError,
        "x must not be empty, got shape [0, 3].",
    )


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (holding(float("nan")), "x must be finite, got nan at index [2, 1]."),
        (holding(float("inf")), "x must be finite, got inf at index [2, 1]."),
        (holding(float("-inf"), (5,), (4,)), "x must be finite, got -inf at index [4]."),
        (torch.tensor([torch.inf, -torch.inf]), "x must be finite, got inf at index [0]."),
        (torch.tensor(torch.nan), "x must be finite, got nan."),
    ],
)
def test_check_finite(tensor, message):
    assert refusal(validate.check_finite, "x", tensor) == (ValueError, message)


def test_finite_values_whose_sum_overflows_are_finite():
    validate.check_finite("x", torch.full((64, 64), 3e38))
    validate.check_finite("x", torch.tensor([[3e38, 3e38], [-3e38, -3e38]]))


def test_check_array_asks_for_the_kind_before_the_content():
    empty_integers = torch.ones(0, dtype=torch.int64)
    assert "axes" in refusal(validate.check_array, "x", empty_integers, ("batch", "dim"))[1]
    assert "torch.int64" in refusal(validate.check_array, "x", empty_integers, ("batch",))[1]
    assert "empty" in refusal(validate.check_array, "x", empty_integers.float(), ("batch",))[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_good_arguments_pass(dtype):
    matrix = MATRIX.to(dtype)
    validate.check_matrix("x", matrix)
    validate.check_matrix("x", torch.nn.Parameter(matrix), axes=("out", "in"))
    validate.check_square("x", matrix[:3])
    validate.check_paired(matrix, -matrix)
    validate.check_same_width(matrix, matrix[:1])
    for scale in (1, -2.5, 0, np.float32(3), torch.tensor(1.0), torch.nn.Parameter(torch.tensor(2.0))):
        validate.check_scale("logit_scale", scale)
    for temperature in (0.07, 1, torch.tensor(1e-30), torch.nn.Parameter(torch.tensor(2.0))):
        validate.check_positive("temperature", temperature)
    validate.check_eps("eps", 1e-12, dtype)
    for count in (1, 4, np.int64(2)):
        validate.check_int("k", count, low=1, high=4)


def test_check_square():
    assert refusal(validate.check_square, "logits", MATRIX) == (
        ValueError,
        "logits must be square, [batch, batch], since column i is the positive of row i: "
        "expected [4, 4], got [4, 3].",
    )


@pytest.mark.parametrize("check", [validate.check_paired, validate.check_same_width])
def test_two_matrices_are_of_one_kind(check):
    names = ("a", "b")
    assert refusal(check, MATRIX, MATRIX.double(), names) == (
        TypeError,
        "b must have the dtype of a: expected torch.float32, got torch.float64.",
    )
    meta = torch.ones(4, 3, device="meta")
    assert refusal(validate.check_same_kind, "b", meta, "a", MATRIX) == (
        ValueError,
        "b must be on the device of a: expected cpu, got meta.",
    )
    assert refusal(check, MATRIX[0], MATRIX, names)[1].startswith("a must have 2 axes")
    assert refusal(check, MATRIX, MATRIX[0], names)[1].startswith("b must have 2 axes")


@pytest.mark.parametrize("shape", [(5, 3), (4, 2), (1, 3), (4, 1)])
def test_check_paired_broadcasts_nothing(shape):
    assert refusal(validate.check_paired, MATRIX, torch.ones(shape)) == (
        ValueError,
        f"text_features must have the shape of image_features: expected [4, 3], got {list(shape)}.",
    )


def test_check_same_width():
    assert refusal(validate.check_same_width, MATRIX, torch.ones(5, 2)) == (
        ValueError,
        "text_embeddings must have the width of image_embeddings: expected [5, 3], got [5, 2].",
    )


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("10", TypeError, "s must be a number or a 0-d floating-point tensor, got str."),
        (None, TypeError, "s must be a number or a 0-d floating-point tensor, got NoneType."),
        (True, TypeError, "s must be a number or a 0-d floating-point tensor, got bool."),
        (1j, TypeError, "s must be a number or a 0-d floating-point tensor, got complex."),
        (
            np.ones(1),
            TypeError,
            "s must be a number or a 0-d floating-point tensor, got numpy.ndarray.",
        ),
        (
            torch.tensor(3),
            TypeError,
            "s must be a number or a 0-d floating-point tensor, got a tensor of torch.int64.",
        ),
        (
            torch.ones(1),
            ValueError,
            "s must be a number or a 0-d floating-point tensor, got a tensor of shape [1].",
        ),
        (float("nan"), ValueError, "s must be finite, got nan."),
        (float("inf"), ValueError, "s must be finite, got inf."),
        (torch.tensor(-torch.inf), ValueError, "s must be finite, got -inf."),
    ],
)
def test_check_scale(value, kind, message):
    assert refusal(validate.check_scale, "s", value) == (kind, message)


@pytest.mark.parametrize("value", [0, -0.07, torch.tensor(0.0), torch.tensor(-2.0)])
def test_check_positive(value):
    message = f"tau must be greater than 0, got {float(value)}."
    assert refusal(validate.check_positive, "tau", value) == (ValueError, message)


@pytest.mark.parametrize("value", [None, "0.07", True, torch.ones(2), float("inf"), torch.tensor(torch.nan)])
def test_check_positive_refuses_what_check_scale_refuses(value):
    assert refusal(validate.check_positive, "s", value) == refusal(validate.check_scale, "s", value)


def test_check_not_negative():
    for value in (0, 0.0, 3, float("inf"), torch.tensor(0.5)):
        validate.check_not_negative("tau", value)
    assert refusal(validate.check_not_negative, "tau", -1.0) == (
        ValueError,
        "tau must be at least 0, got -1.0.",
    )
    for value in ("0", None, float("nan"), torch.ones(2), -float("inf")):
        assert refusal(validate.check_not_negative, "s", value) == refusal(validate.check_scale, "s", value)


@pytest.mark.parametrize("value", [0, -1e-3, 1e-50, float("inf"), float("nan")])
def test_check_eps_refuses_what_guards_nothing(value):
    assert refusal(validate.check_eps, "eps", value, torch.float32) == (
        ValueError,
        f"eps must be finite and at least 1.18e-38, the smallest normal torch.float32, got {value}.",
    )


def test_check_eps_depends_on_the_dtype():
    validate.check_eps("eps", 1e-50, torch.float64)
    assert refusal(validate.check_eps, "eps", "small", torch.float64) == (
        TypeError,
        "eps must be a number, got str.",
    )


@pytest.mark.parametrize("value", [1e-9, 0.5, np.float32(0.25)])
def test_check_fraction_lets_probabilities_pass(value):
    validate.check_fraction("p", value)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (0, ValueError, "p must be more than 0 and less than 1, got 0."),
        (1.0, ValueError, "p must be more than 0 and less than 1, got 1.0."),
        (float("nan"), ValueError, "p must be more than 0 and less than 1, got nan."),
        (True, TypeError, "p must be a number between 0 and 1, got bool."),
        (torch.tensor(0.5), TypeError, "p must be a number between 0 and 1, got torch.Tensor."),
    ],
)
def test_check_fraction(value, kind, message):
    assert refusal(validate.check_fraction, "p", value) == (kind, message)


@pytest.mark.parametrize(
    ("value", "high", "kind", "message"),
    [
        (0, 4, ValueError, "k must be an integer from 1 to 4, got 0."),
        (5, 4, ValueError, "k must be an integer from 1 to 4, got 5."),
        (0, None, ValueError, "k must be an integer of at least 1, got 0."),
        (2.0, 4, TypeError, "k must be an integer from 1 to 4, got float (2.0)."),
        (True, None, TypeError, "k must be an integer of at least 1, got bool (True)."),
        ("2", None, TypeError, "k must be an integer of at least 1, got str ('2')."),
    ],
)
def test_check_int(value, high, kind, message):
    assert refusal(validate.check_int, "k", value, 1, high) == (kind, message)


def test_every_message_is_one_sentence():
    messages = [
        refusal(validate.check_tensor, "x", 1)[1],
        refusal(validate.check_floating, "x", MATRIX.int())[1],
        refusal(validate.check_square, "x", MATRIX)[1],
        refusal(validate.check_int, "x", 1.5, 1)[1],
    ]
    for message in messages:
        assert "\n" not in message
        assert re.search(r"[.] [A-Z]", message) is None
        assert message.endswith(".")


def checked_square(x):
    validate.check_matrix("x", x)
    return x.square().sum()


def checked_scale(x):
    validate.check_scale("x", x)
    return x**2


# torch's own forward-mode rules are compiled with torch.jit.script, which torch itself deprecates.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_checks_are_invisible_to_transforms():
    assert torch.equal(grad(checked_square)(MATRIX), 2 * MATRIX)
    assert torch.equal(jacfwd(checked_square)(MATRIX), 2 * MATRIX)
    stack = torch.stack([MATRIX, 2 * MATRIX])
    assert torch.equal(vmap(grad(checked_square))(stack), 2 * stack)
    scales = torch.tensor([1.0, 3.0])
    assert torch.equal(vmap(grad(checked_scale))(scales), 2 * scales)


def test_inside_grad_values_are_still_checked():
    message = refusal(grad(checked_square), holding(float("nan")))[1]
    assert message == "x must be finite, got nan at index [2, 1]."


def test_inside_vmap_shapes_are_still_checked():
    message = refusal(vmap(checked_square), MATRIX)[1]
    assert message == "x must have 2 axes, [batch, dim], got 1 axis (shape [3])."


def test_other_runtime_errors_are_not_swallowed():
    with pytest.raises(RuntimeError, match="meta"):
        validate.check_finite("x", torch.ones(3, device="meta"))
