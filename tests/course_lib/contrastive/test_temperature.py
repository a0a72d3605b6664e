"""Temperature: against torch and autograd, by its laws; LearnableScale: what it stores, how it learns."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import (
    LearnableScale,
    clip_loss,
    expected_similarity,
    grad_log_scale,
    softmax_temperature,
)

BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))


@pytest.mark.parametrize("temperature", [1.0, 0.07, 0.01, 1e-4, 50.0])
def test_softmax_temperature_is_torchs_softmax_of_the_quotient(randn, temperature, assert_close):
    similarity = randn(5, 7).tanh()
    assert_close(softmax_temperature(similarity, temperature), (similarity / temperature).softmax(dim=1))
    as_tensor = torch.tensor(temperature, dtype=torch.float64)
    assert_close(softmax_temperature(similarity, as_tensor), softmax_temperature(similarity, temperature))


def test_softmax_temperature_passes_gradcheck(randn):
    similarity = randn(3, 4).requires_grad_()
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(softmax_temperature, (similarity, temperature))


def test_softmax_temperature_in_its_limits(randn):
    similarity = randn(4, 6)
    hottest = softmax_temperature(similarity, 1e9)
    assert torch.allclose(hottest, torch.full_like(hottest, 1 / 6), atol=1e-8)
    coldest = softmax_temperature(similarity, 1e-9)
    assert torch.equal(coldest.argmax(dim=1), similarity.argmax(dim=1))
    assert torch.allclose(coldest.amax(dim=1), torch.ones(4, dtype=torch.float64))


def test_expected_similarity_is_the_slope_of_the_log_sum_exp(randn, assert_close):
    similarity = randn(5, 4)
    scales = torch.full((5,), 3.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad((similarity * scales[:, None]).logsumexp(dim=1).sum(), scales)
    assert_close(expected_similarity(similarity, 3.0), slope)


@given(BATCHES, st.floats(0, 200), st.floats(0, 200))
@settings(deadline=None)
def test_expected_similarity_grows_with_the_scale_from_mean_to_maximum(randn, batch, one, other):
    rows, columns, seed = batch
    similarity = randn(rows, columns, seed=seed).tanh()
    low, high = (expected_similarity(similarity, scale) for scale in sorted((one, other)))
    assert (low <= high + 1e-12).all()
    assert (high <= similarity.amax(dim=1) + 1e-12).all()
    assert (low >= similarity.mean(dim=1) - 1e-12).all()


@pytest.mark.parametrize("log_scale", [-1.0, 0.0, 2.66, math.log(100), math.log(1000)])
@pytest.mark.parametrize(("size", "dim"), [(1, 3), (2, 2), (7, 4)])
def test_grad_log_scale_is_autograds(random_pairs, size, dim, log_scale, assert_close):
    image, text = random_pairs(size, dim)
    leaf = torch.tensor(log_scale, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(clip_loss(image, text, leaf.exp()), leaf)
    assert_close(grad_log_scale(image @ text.T, log_scale), expected)
    assert_close(grad_log_scale(image @ text.T, leaf.detach()), expected)


def test_grad_log_scale_in_float32(random_pairs):
    image, text = random_pairs(16, 8, dtype=torch.float32)
    got = grad_log_scale(image @ text.T, 4.6)
    assert got.dtype == torch.float32
    expected = grad_log_scale(image.double() @ text.double().T, 4.6)
    assert got.item() == pytest.approx(expected.item(), rel=1e-4)


@given(BATCHES)
@settings(deadline=None)
def test_the_loss_is_convex_in_the_scale(random_pairs, batch):
    image, text = random_pairs(*batch)
    slopes = [grad_log_scale(image @ text.T, math.log(c)).item() / c for c in (0.1, 1.0, 5.0, 30.0, 100.0)]
    assert all(left <= right + 1e-12 for left, right in itertools.pairwise(slopes))


def test_a_batch_that_can_be_told_apart_always_wants_a_larger_scale(random_pairs):
    image, _ = random_pairs(6, 4)
    for scale in (1.0, 14.3, 50.0):
        assert grad_log_scale(image @ image.T, math.log(scale)) < 0


def set_log_scale(scale: LearnableScale, value: float) -> None:
    with torch.no_grad():
        scale.log_scale.fill_(value)


class TestLearnableScale:
    def test_it_stores_the_logarithm_and_returns_the_scale(self):
        scale = LearnableScale()
        assert dict(scale.named_parameters()).keys() == {"log_scale"}
        assert scale.log_scale.shape == ()
        assert scale.log_scale.item() == pytest.approx(math.log(1 / 0.07))
        assert scale().item() == pytest.approx(1 / 0.07)
        assert LearnableScale(temperature=0.5)().item() == pytest.approx(2)

    def test_the_state_dict_carries_it(self):
        trained, fresh = LearnableScale(), LearnableScale(temperature=1.0)
        set_log_scale(trained, 4.2)
        fresh.load_state_dict(trained.state_dict())
        assert torch.equal(fresh(), trained())

    @pytest.mark.parametrize("log_scale", [-1.0, 2.66, 4.6, 5.5])
    def test_the_gradient_of_exp_is_exp_also_above_the_limit(self, log_scale):
        scale = LearnableScale()
        set_log_scale(scale, log_scale)
        scale().backward()
        assert scale.log_scale.grad.item() == pytest.approx(math.exp(log_scale), rel=1e-6)

    @pytest.mark.parametrize("max_scale", [20.0, 100.0])
    def test_clamp_acts_above_the_limit_only(self, max_scale):
        scale = LearnableScale(max_scale=max_scale)
        for log_scale in (-3.0, 0.0, 2.66, math.log(max_scale) - 0.01):
            set_log_scale(scale, log_scale)
            scale.clamp_()
            assert scale.log_scale.item() == pytest.approx(log_scale)
        set_log_scale(scale, 9.0)
        scale.clamp_()
        assert scale().item() == pytest.approx(max_scale, rel=1e-6)

    def test_clamp_keeps_the_parameter_and_stays_out_of_the_graph(self):
        scale = LearnableScale()
        parameter = scale.log_scale
        set_log_scale(scale, 9.0)
        scale.clamp_()
        assert scale.log_scale is parameter
        assert parameter.requires_grad
        assert parameter.is_leaf

    def test_it_comes_back_from_the_limit(self, random_pairs):
        image, text = random_pairs(
            32, 8, dtype=torch.float32
        )  # unrelated pairs: the loss asks for a small scale
        scale = LearnableScale(temperature=0.01)
        optimizer = torch.optim.SGD(scale.parameters(), lr=0.01)
        for _ in range(20):
            optimizer.zero_grad()
            clip_loss(image, text, scale()).backward()
            optimizer.step()
            scale.clamp_()
        assert scale().item() < 90

    @pytest.mark.parametrize("value", [0.0, -0.07, math.nan, math.inf])
    @pytest.mark.parametrize("argument", ["temperature", "max_scale"])
    def test_bad_values(self, argument, value):
        with pytest.raises(ValueError, match=rf"^{argument} must be (greater than 0|finite), got {value}\.$"):
            LearnableScale(**{argument: value})

    def test_bad_kinds(self):
        with pytest.raises(TypeError, match=r"^temperature must be a number .*, got str\.$"):
            LearnableScale(temperature="0.07")

    def test_a_start_above_the_limit_lasts_until_the_first_clamp(self):
        scale = LearnableScale(temperature=0.005)
        assert scale().item() == pytest.approx(200, rel=1e-6)
        scale.clamp_()
        assert scale().item() == pytest.approx(100, rel=1e-6)
