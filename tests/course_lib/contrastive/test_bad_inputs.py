"""Every public function refuses a bad argument in one sentence: its name, what was expected, what came."""

import inspect
import math

import numpy as np
import pytest
import torch

from course_lib import contrastive

FEATURES = {"image_features": torch.eye(4, 3), "text_features": torch.eye(4, 3)}
EMBEDDINGS = {"image_embeddings": torch.eye(4, 3), "text_embeddings": torch.eye(5, 3)}
SIGMOID = {**FEATURES, "logit_scale": 10.0, "logit_bias": -10.0}

# A good call of every public function. The tests below spoil one argument at a time.
GOOD = {
    "l2_normalize": {"x": torch.eye(4, 3)},
    "cosine_similarity": EMBEDDINGS,
    "similarity_logits": {**EMBEDDINGS, "logit_scale": 10.0},
    "log_softmax_rows": {"logits": torch.eye(4, 3)},
    "image_to_text_loss": {**FEATURES, "logit_scale": 10.0},
    "text_to_image_loss": {**FEATURES, "logit_scale": 10.0},
    "clip_loss": {**FEATURES, "logit_scale": 10.0},
    "grad_wrt_logits": {"logits": torch.eye(4)},
    "normalize_grad": {"x": torch.eye(4, 3), "grad_unit": torch.eye(4, 3)},
    "clip_loss_grad": {**FEATURES, "logit_scale": 10.0},
    "accumulated_loss": {**FEATURES, "logit_scale": 10.0, "micro_batch_size": 2},
    "mean_of_micro_batch_losses": {**FEATURES, "logit_scale": 10.0, "micro_batch_size": 2},
    "log_sigmoid": {"logits": torch.eye(4, 3)},
    "siglip_loss": SIGMOID,
    "siglip_grads": SIGMOID,
    "siglip_loss_chunked": {**SIGMOID, "chunk": 2},
    "tiled_clip_loss": {**FEATURES, "logit_scale": 10.0, "tile": 2},
    "streaming_logsumexp": {"logits": torch.eye(4, 3), "chunk_size": 2},
    "tile_statistics": {**FEATURES, "logit_scale": 10.0, "tile": 2},
    "tile_gradients": {
        **FEATURES,
        "logit_scale": 10.0,
        "rows": torch.ones(4),
        "columns": torch.ones(4),
        "upstream": 1.0,
        "tile": 2,
    },
    "distributed_clip_loss": {**FEATURES, "logit_scale": 10.0},
    "distributed_siglip_loss": SIGMOID,
    "pair_labels": {"batch": 4},
    "initial_bias": {"batch": 4},
    "positive_gradient_share": {"batch": 4, "logit_bias": -10.0},
    "siglip_grad_wrt_logits": {"logits": torch.eye(4)},
    "match_or_none": {"logits": torch.eye(4, 3)},
    "recall_at_k": {"similarity": torch.eye(4), "k": 1},
    "retrieval_report": {**FEATURES, "ks": (1, 2)},
    "modality_gap": FEATURES,
    "modality_share": FEATURES,
    "softmax_temperature": {"similarity": torch.eye(4, 3), "temperature": 0.07},
    "expected_similarity": {"similarity": torch.eye(4, 3), "logit_scale": 10.0},
    "grad_log_scale": {"similarity": torch.eye(4), "log_scale": 1.0},
    "hardness_weights": {"similarity": torch.eye(4), "temperature": 0.07},
    "effective_negatives": {"similarity": torch.eye(4), "temperature": 0.07},
}
MATRIX_ARGUMENTS = [
    (function, argument)
    for function, arguments in GOOD.items()
    for argument, value in arguments.items()
    if isinstance(value, torch.Tensor) and value.ndim == 2
]
TAKE_TENSORS = list(dict.fromkeys(function for function, _ in MATRIX_ARGUMENTS))
PAIRS = [(function, *arguments) for function in GOOD if len(arguments := list(GOOD[function])[:2]) == 2]
PAIRS = [(f, a, b) for f, a, b in PAIRS if isinstance(GOOD[f][b], torch.Tensor)]
SQUARE = [
    ("grad_wrt_logits", "logits"),
    ("siglip_grad_wrt_logits", "logits"),
    ("recall_at_k", "similarity"),
    ("grad_log_scale", "similarity"),
    ("hardness_weights", "similarity"),
    ("effective_negatives", "similarity"),
]


def functions_taking(argument):
    return [function for function, arguments in GOOD.items() if argument in arguments]


def refusal(function, **changes) -> tuple[type[Exception], str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(contrastive, function)(**{**GOOD[function], **changes})
    return type(caught.value), str(caught.value)


def with_entry(tensor, value):
    spoiled = tensor.clone()
    spoiled[1, 2] = value
    return spoiled


def test_every_function_of_these_modules_is_listed():
    modules = {getattr(contrastive, name).__module__ for name in GOOD}
    public = {
        name
        for name in contrastive.__all__
        if inspect.isfunction(member := getattr(contrastive, name)) and member.__module__ in modules
    }
    assert public == set(GOOD)


@pytest.mark.parametrize("function", TAKE_TENSORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_good_call_passes_and_keeps_the_dtype_and_its_arguments(function, dtype):
    arguments = {
        name: value.to(dtype) if isinstance(value, torch.Tensor) else value
        for name, value in GOOD[function].items()
    }
    before = {name: torch.as_tensor(value).clone() for name, value in arguments.items()}
    results = getattr(contrastive, function)(**arguments)
    for result in results if isinstance(results, tuple) else [results]:
        assert result.dtype == (torch.int64 if function == "match_or_none" else dtype)
    for name, value in arguments.items():
        assert torch.equal(torch.as_tensor(value), before[name])


@pytest.mark.parametrize(("function", "argument"), MATRIX_ARGUMENTS)
class TestMatrixArguments:
    def test_numpy_array(self, function, argument):
        array = GOOD[function][argument].numpy()
        assert isinstance(array, np.ndarray)
        assert refusal(function, **{argument: array}) == (
            TypeError,
            f"{argument} must be a torch.Tensor, got numpy.ndarray: "
            f"convert it with torch.as_tensor({argument}).",
        )

    @pytest.mark.parametrize("shape", [(), (4,), (1, 4, 4)])
    def test_wrong_rank(self, function, argument, shape):
        kind, message = refusal(function, **{argument: torch.ones(shape)})
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        assert kind is ValueError
        assert message.startswith(f"{argument} must have 2 axes, [")
        assert message.endswith(f"got {axes} (shape {list(shape)}).")

    def test_integer_dtype(self, function, argument):
        assert refusal(function, **{argument: GOOD[function][argument].long()}) == (
            TypeError,
            f"{argument} must be torch.float32 or torch.float64, got torch.int64: "
            f"convert it with {argument}.float().",
        )

    @pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0)])
    def test_empty_batch(self, function, argument, shape):
        assert refusal(function, **{argument: torch.ones(shape)}) == (
            ValueError,
            f"{argument} must not be empty, got shape {list(shape)}.",
        )

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_not_finite(self, function, argument, value):
        spoiled = with_entry(GOOD[function][argument], value)
        assert refusal(function, **{argument: spoiled}) == (
            ValueError,
            f"{argument} must be finite, got {value} at index [1, 2].",
        )


@pytest.mark.parametrize(("function", "first", "second"), PAIRS)
class TestTwoMatrices:
    def test_mismatched_dtypes(self, function, first, second):
        assert refusal(function, **{second: GOOD[function][second].double()}) == (
            TypeError,
            f"{second} must have the dtype of {first}: expected torch.float32, got torch.float64.",
        )

    def test_mismatched_widths(self, function, first, second):
        rows = len(GOOD[function][second])
        relation = "width" if second == "text_embeddings" else "shape"
        assert refusal(function, **{second: torch.ones(rows, 2)}) == (
            ValueError,
            f"{second} must have the {relation} of {first}: expected [{rows}, 3], got [{rows}, 2].",
        )

    @pytest.mark.parametrize("rows", [1, 3])
    def test_mismatched_batches(self, function, first, second, rows):
        if second == "text_embeddings":  # images and texts need not come in equal numbers here
            result = getattr(contrastive, function)(**{**GOOD[function], second: torch.ones(rows, 3)})
            assert result.shape == (4, rows)
            return
        assert refusal(function, **{second: torch.ones(rows, 3)}) == (
            ValueError,
            f"{second} must have the shape of {first}: expected [4, 3], got [{rows}, 3].",
        )


@pytest.mark.parametrize(("function", "argument"), SQUARE)
def test_not_square(function, argument):
    assert refusal(function, **{argument: torch.ones(4, 3)}) == (
        ValueError,
        f"{argument} must be square, [batch, batch], since column i is the positive of row i: "
        "expected [4, 4], got [4, 3].",
    )


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (function, name)
        for name in ("logit_scale", "logit_bias", "upstream")
        for function in functions_taking(name)
    ],
)
def test_scalars(function, argument):
    expected = f"{argument} must be a number or a 0-d floating-point tensor"
    assert refusal(function, **{argument: None}) == (TypeError, f"{expected}, got NoneType.")
    assert refusal(function, **{argument: torch.ones(1)}) == (
        ValueError,
        f"{expected}, got a tensor of shape [1].",
    )
    assert refusal(function, **{argument: torch.tensor(1)}) == (
        TypeError,
        f"{expected}, got a tensor of torch.int64.",
    )
    for value in (float("nan"), torch.tensor(float("nan"))):
        assert refusal(function, **{argument: value}) == (ValueError, f"{argument} must be finite, got nan.")


def test_log_scale():
    expected = "log_scale must be a number or a 0-d floating-point tensor"
    assert refusal("grad_log_scale", log_scale="1") == (TypeError, f"{expected}, got str.")
    assert refusal("grad_log_scale", log_scale=math.inf) == (ValueError, "log_scale must be finite, got inf.")


def test_a_temperature_that_divides_nothing():
    for value in (0.0, -0.07):
        assert refusal("softmax_temperature", temperature=value) == (
            ValueError,
            f"temperature must be greater than 0, got {value}.",
        )
    kind, message = refusal("softmax_temperature", temperature=torch.ones(3))
    assert (kind, message.endswith("got a tensor of shape [3].")) == (ValueError, True)


@pytest.mark.parametrize("function", ["hardness_weights", "effective_negatives"])
def test_temperatures_with_limits(function):
    assert refusal(function, temperature=-1.0) == (ValueError, "temperature must be at least 0, got -1.0.")
    assert refusal(function, temperature=math.nan) == (ValueError, "temperature must be finite, got nan.")
    assert refusal(function, similarity=torch.ones(1, 1)) == (
        ValueError,
        "similarity must hold at least two pairs: a batch of one has no negatives.",
    )


@pytest.mark.parametrize(
    ("function", "argument", "low"),
    [
        *(
            (function, name, 1)
            for name in ("micro_batch_size", "chunk", "chunk_size", "tile")
            for function in functions_taking(name)
        ),
        ("pair_labels", "batch", 1),
        ("initial_bias", "batch", 2),
        ("positive_gradient_share", "batch", 1),
        ("tiled_clip_loss", "memory_budget", 0),
    ],
)
def test_counts(function, argument, low):
    expected = f"{argument} must be an integer of at least {low}"
    assert refusal(function, **{argument: low - 1}) == (ValueError, f"{expected}, got {low - 1}.")
    assert refusal(function, **{argument: 2.0}) == (TypeError, f"{expected}, got float (2.0).")


@pytest.mark.parametrize("argument", ["rows", "columns"])
def test_statistics_of_another_batch(argument):
    assert refusal("tile_gradients", **{argument: torch.ones(5)}) == (
        ValueError,
        f"{argument} must have the shape of image_features[:, 0]: expected [4], got [5].",
    )
    assert refusal("tile_gradients", **{argument: torch.ones(4).double()}) == (
        TypeError,
        f"{argument} must have the dtype of image_features: expected torch.float32, got torch.float64.",
    )
    assert refusal("tile_gradients", **{argument: torch.ones(4, 1)})[1] == (
        f"{argument} must have 1 axis, [batch], got 2 axes (shape [4, 1])."
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, None])
def test_labels_of_another_dtype(dtype):
    assert refusal("pair_labels", dtype=dtype) == (
        TypeError,
        f"dtype must be torch.float32 or torch.float64, got {dtype}.",
    )


@pytest.mark.parametrize("k", [0, -1, 5])
def test_k_outside_the_batch(k):
    assert refusal("recall_at_k", k=k) == (ValueError, f"k must be an integer from 1 to 4, got {k}.")


@pytest.mark.parametrize(
    ("ks", "expected"),
    [
        ((1, 5), (ValueError, "ks must be an integer from 1 to 4, got 5.")),
        ((1.0,), (TypeError, "ks must be an integer from 1 to 4, got float (1.0).")),
        ((), (ValueError, "ks must hold at least one k, got none.")),
    ],
)
def test_ks_of_a_report(ks, expected):
    assert refusal("retrieval_report", ks=ks) == expected


def test_k_is_a_count():
    assert refusal("recall_at_k", k=1.0) == (TypeError, "k must be an integer from 1 to 4, got float (1.0).")


@pytest.mark.parametrize("function", ["l2_normalize", "normalize_grad"])
@pytest.mark.parametrize("eps", [0.0, -1.0, 1e-50, float("nan")])
def test_eps_that_guards_nothing(function, eps):
    assert refusal(function, eps=eps) == (
        ValueError,
        f"eps must be finite and at least 1.18e-38, the smallest normal torch.float32, got {eps}.",
    )


@pytest.mark.parametrize("threshold", [0, 1.0, -0.1, float("nan")])
def test_a_threshold_that_leaves_no_choice(threshold):
    assert refusal("match_or_none", threshold=threshold) == (
        ValueError,
        f"threshold must be more than 0 and less than 1, got {threshold}.",
    )


@pytest.mark.parametrize("threshold", [None, True, "half"])
def test_a_threshold_is_a_number(threshold):
    assert refusal("match_or_none", threshold=threshold) == (
        TypeError,
        f"threshold must be a number between 0 and 1, got {type(threshold).__name__}.",
    )
