"""SmoothQuant: its scales against a plain loop, folding that changes no output, and which outlier is which."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.data import load_activations
from course_lib.quantization import (
    act_absmax,
    apply_smoothing,
    can_fold,
    fold_into_linear,
    outlier_kind,
    smooth_scales,
)

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
SEEDS = st.integers(0, 10**6)


def relative(got, expected):
    return ((got - expected).abs().max() / expected.abs().max()).item()


def linear(inputs, outputs, randn, seed, dtype, bias=True):
    layer = nn.Linear(inputs, outputs, bias=bias, dtype=dtype)
    for parameter in layer.parameters():
        parameter.data = randn(*parameter.shape, seed=seed, dtype=dtype)
        seed += 1
    return layer


class LlamaNorm(nn.Module):
    """As the transformers library writes it: no nn.RMSNorm, no bias."""

    def __init__(self, width, dtype):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width, dtype=dtype))

    def forward(self, x):
        return self.weight * x * torch.rsqrt((x**2).mean(dim=-1, keepdim=True) + 1e-6)


@given(SEEDS, st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_scales_equal_a_plain_loop_over_all_consumers(randn, seed, alpha):
    batches = [
        randn(2, 3, 5, seed=seed, dtype=torch.float64),
        randn(4, 5, seed=seed + 1, dtype=torch.float64),
    ]
    weights = [
        randn(3, 5, seed=seed + 2, dtype=torch.float64),
        randn(2, 5, seed=seed + 3, dtype=torch.float64),
    ]
    most = act_absmax(iter(batches))
    scales = smooth_scales(most, weights, alpha)
    for j in range(5):
        x = max(abs(v) for batch in batches for v in batch.reshape(-1, 5)[:, j].tolist())
        w = max(abs(v) for weight in weights for v in weight[:, j].tolist())
        assert most[j].item() == x
        assert scales[j].item() == pytest.approx(x**alpha / w ** (1 - alpha), rel=1e-12)


def test_a_half_equalises_the_maxima_and_the_ends_flatten_one_side(randn):
    x, weight = (
        randn(64, 6, dtype=torch.float64) * torch.logspace(-1, 2, 6),
        randn(8, 6, seed=1, dtype=torch.float64),
    )
    for alpha, side in ((0.5, None), (1.0, 0), (0.0, 1)):
        scales = smooth_scales(act_absmax([x]), weight, alpha)
        maxima = (x / scales).abs().amax(dim=0), (weight * scales).abs().amax(dim=0)
        if side is None:
            assert torch.allclose(*maxima)
        else:
            assert torch.allclose(maxima[side], torch.ones(6, dtype=torch.float64))


def test_dead_channels_get_finite_scales():
    weights = torch.tensor([[0.0, 1.0, 0.0], [0.0, -4.0, 0.0]])
    scales = smooth_scales(torch.tensor([9.0, 0.0, 0.0]), weights)
    assert scales.tolist() == pytest.approx([3 / 1e-5**0.5, 1e-5, 1e-5])
    for alpha in (0.0, 1.0):
        assert torch.isfinite(smooth_scales(torch.tensor([9.0, 0.0, 0.0]), weights, alpha)).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", ["layer", "layer without bias", "rms", "llama"])
@given(SEEDS, st.floats(0, 1))
@settings(deadline=None, max_examples=15, derandomize=True)  # float32 comes within half of its tolerance
def test_smoothing_q_k_and_v_preserves_the_function(randn, kind, dtype, seed, alpha):
    norm = {
        "layer": lambda: nn.LayerNorm(6, dtype=dtype),
        "layer without bias": lambda: nn.LayerNorm(6, bias=False, dtype=dtype),
        "rms": lambda: nn.RMSNorm(6, eps=1e-6, dtype=dtype),
        "llama": lambda: LlamaNorm(6, dtype),
    }[kind]()
    for number, parameter in enumerate(norm.parameters()):
        parameter.data = randn(6, seed=seed + 10 + number, dtype=dtype)
    projections = [linear(6, 4, randn, seed + 20 + 2 * k, dtype, bias=k > 0) for k in range(3)]
    x = randn(7, 6, seed=seed, dtype=dtype) * torch.logspace(-1, 1, 6, dtype=dtype)
    with torch.no_grad():
        expected = [layer(norm(x)) for layer in projections]
        scales = smooth_scales(act_absmax([norm(x)]), [layer.weight for layer in projections], alpha)
        kept = copy.deepcopy(norm.state_dict()), [copy.deepcopy(layer.state_dict()) for layer in projections]
        new_norm, new_layers = apply_smoothing(norm, projections, scales)
        for layer, want in zip(new_layers, expected, strict=True):
            assert relative(layer(new_norm(x)), want) <= TOLERANCE[dtype]
        assert relative(new_norm(x) * scales, norm(x)) <= TOLERANCE[dtype]
    for module, state in zip([norm, *projections], [kept[0], *kept[1]], strict=True):
        assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(parameter.requires_grad for layer in new_layers for parameter in layer.parameters())


@pytest.mark.parametrize("dtype", TOLERANCE)
@given(SEEDS)
@settings(deadline=None, max_examples=15, derandomize=True)  # float32 comes within half of its tolerance
def test_folding_up_into_down_preserves_a_gated_mlp(randn, dtype, seed):
    gate, up = (linear(4, 6, randn, seed + k, dtype) for k in (0, 2))
    down, x = linear(6, 4, randn, seed + 4, dtype), randn(5, 4, seed=seed + 6, dtype=dtype)
    scales = randn(6, seed=seed + 7, dtype=dtype).exp()
    with torch.no_grad():
        gated = nn.functional.silu(gate(x))
        new_up, (new_down,) = fold_into_linear(up, down, scales)
        assert relative(new_down(gated * new_up(x)), down(gated * up(x))) <= TOLERANCE[dtype]
        wrong, (new_down,) = fold_into_linear(gate, down, scales)
        assert relative(new_down(nn.functional.silu(wrong(x)) * up(x)), down(gated * up(x))) > 1e-3


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (nn.Linear(2, 2), True),
        (nn.LayerNorm(2), True),
        (nn.RMSNorm(2), True),
        (nn.LayerNorm(2, elementwise_affine=False), False),
        (nn.GELU(), False),
        ([nn.Linear(2, 2), nn.ReLU(), nn.Dropout(0.5), torch.mul], True),
        ([nn.LayerNorm(2), nn.Identity()], True),
        ([nn.Linear(2, 2), nn.SiLU(), torch.mul], False),
        ([nn.Linear(2, 2), torch.nn.functional.gelu], False),
        ([nn.Linear(2, 2), nn.LayerNorm(2)], False),
        (nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Identity())), True),
        (nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Tanh())), False),
    ],
)
def test_can_fold(path, answer):
    assert can_fold(path) is answer


@pytest.mark.parametrize("step", [nn.ReLU(), nn.LeakyReLU(), nn.Identity(), nn.GELU(), nn.SiLU(), nn.Tanh()])
def test_can_fold_says_yes_exactly_where_folding_preserves_the_function(randn, step):
    first, second = linear(3, 5, randn, 0, torch.float64), linear(5, 2, randn, 2, torch.float64)
    x, scales = randn(9, 3, seed=4, dtype=torch.float64), randn(5, seed=5, dtype=torch.float64).exp()
    with torch.no_grad():
        new_first, (new_second,) = fold_into_linear(first, second, scales)
        preserved = relative(new_second(step(new_first(x))), second(step(first(x)))) < 1e-12
    assert can_fold([first, step]) is preserved


@given(SEEDS, st.integers(0, 15), st.integers(0, 63), st.floats(2000, 50_000))
@settings(deadline=None, max_examples=30)
def test_each_kind_of_outlier_is_found_where_it_was_put(randn, seed, channel, token, size):
    x = randn(64, 16, seed=seed)
    assert outlier_kind(x).kind == "none"
    massive = x.clone()
    massive[token, channel] = -size
    persistent = x.clone()
    persistent[:, channel] *= 60
    both = persistent.clone()
    both[token, (channel + 1) % 16] = size
    for values, kind, channels, tokens in (
        (massive, "token", [], [token]),
        (persistent, "channel", [channel], []),
        (both, "both", [channel], [token]),
    ):
        got = outlier_kind(values.reshape(4, 16, 16))
        assert (got.kind, got.channels.tolist(), got.tokens.tolist()) == (kind, channels, tokens)
        # The maxima cannot tell: both look like an outlier channel.
        most = act_absmax([values])
        assert most.max() / most.median() > 5


def test_sparse_and_empty_activations():
    assert outlier_kind(torch.zeros(5, 3)).kind == "none"
    x = torch.zeros(10, 3)
    x[:4] = 1.0
    assert outlier_kind(x).kind == "none"
    x[2, 1] = 4000.0
    assert outlier_kind(x).kind == "token"


def test_a_heavy_tail_is_no_massive_token(randn):
    x = randn(256, 64) ** 5
    assert outlier_kind(x).kind == "none"
    assert outlier_kind(x, rare=1).kind == "token"


def test_the_first_tokens_of_all_sequences_may_be_massive(randn):
    x = randn(8, 16, 32)
    x[:, 0, 3] = 3000.0
    assert outlier_kind(x).tokens.tolist() == list(range(0, 128, 16))


@pytest.mark.parametrize("layer", [4, 11, 12, 28])
@pytest.mark.parametrize("kind", ["qkv", "gate_up", "down"])
def test_the_massive_tokens_of_a_real_model_are_the_first_ones(layer, kind):
    x = torch.from_numpy(load_activations().inputs(layer, kind))
    firsts = list(range(0, 128, 16))
    massive = kind == "down" and layer in (11, 28)
    assert outlier_kind(x).tokens.tolist() == (firsts if massive else [])
    if (layer, kind) == (12, "qkv"):
        assert 247 in outlier_kind(x).channels
