"""LearnableScale: what it stores, how it learns, where it is clipped."""

import math

import pytest
import torch

from course_lib.contrastive import LearnableScale, clip_loss


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
