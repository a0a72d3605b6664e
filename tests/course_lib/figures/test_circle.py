import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from course_lib.contrastive import clip_loss
from course_lib.figures import (
    CircleState,
    angle_grad,
    circle_figure,
    descend,
    describe_circle,
    random_circle,
    read_circle,
    step,
)


def texts_of(fig):
    return [text.get_text() for text in fig.findobj(lambda artist: hasattr(artist, "get_text"))]


@settings(deadline=None)
@given(size=st.integers(2, 6), scale=st.floats(0.5, 50), seed=st.integers(0, 1000))
def test_angle_grad_is_autograds(size, scale, seed):
    state = random_circle(size, scale, seed)
    images, texts = state.image_angles.clone().requires_grad_(), state.text_angles.clone().requires_grad_()
    points = [torch.stack([angles.cos(), angles.sin()], dim=1) for angles in (images, texts)]
    expected = torch.autograd.grad(clip_loss(*points, scale), [images, texts])
    # The largest gradient is about scale/size; cancellation loses a few of float64's digits of that.
    torch.testing.assert_close(tuple(angle_grad(state)), expected, rtol=1e-9, atol=1e-12 * scale)


def test_a_step_follows_the_negative_gradient_and_leaves_the_old_state_alone():
    state = random_circle(3, 5.0, seed=1)
    before, grads = state.image_angles.clone(), angle_grad(state)
    after = step(state, 0.1)
    torch.testing.assert_close(after.image_angles, before - 0.1 * grads.image_angles)
    torch.testing.assert_close(after.text_angles, state.text_angles - 0.1 * grads.text_angles)
    assert torch.equal(state.image_angles, before)
    assert after.logit_scale == 5.0


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_descent_lowers_the_loss(scale):
    path = descend(random_circle(4, scale), 0.3 * 4 / scale, 40)
    assert len(path) == 41
    assert path[-1].batch.loss < path[0].batch.loss / 2


def test_only_angles_between_points_matter():
    state = random_circle(4, 10.0, seed=2)
    turned = CircleState(state.image_angles + 1.0, state.text_angles + 1.0, 10.0)
    assert turned.batch.loss == pytest.approx(state.batch.loss, rel=1e-9)


def test_gaps_are_the_shorter_way_round():
    state = CircleState(torch.tensor([0.1, math.pi]), torch.tensor([2 * math.pi - 0.1, 0.0]), 1.0)
    torch.testing.assert_close(
        state.gaps, torch.tensor([0.2, math.pi], dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_the_figure_says_the_loss_and_numbers_both_partners():
    state = random_circle(4, 10.0)
    fig = circle_figure(state)
    assert isinstance(fig, Figure)
    assert len(fig.axes) == 1
    texts = texts_of(fig)
    assert f"Loss {state.batch.loss:.3f} (guessing: log 4 = 1.386) at logit scale 10" in texts
    for number in "1234":
        assert texts.count(number) == 2
    assert {"image", "text"} <= set(texts)


def test_images_are_circles_and_texts_squares_at_their_angles():
    state = CircleState(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 3.0]), 5.0)
    markers = {}
    for line in circle_figure(state).axes[0].lines:
        if line.get_marker() in ("o", "s"):
            markers.setdefault(line.get_marker(), []).append(line.get_xydata()[0])
    torch.testing.assert_close(torch.tensor(np.array(markers["o"])), state.image_features)
    torch.testing.assert_close(torch.tensor(np.array(markers["s"])), state.text_features)


def test_arrows_are_tangential_and_point_down_the_loss():
    state = random_circle(5, 3.0, seed=4)
    (arrows,) = circle_figure(state).axes[0].findobj(Quiver)
    grads = torch.cat(angle_grad(state))
    angles = torch.cat([state.image_angles, state.text_angles])
    tangents = torch.stack([-angles.sin(), angles.cos()], dim=1)
    drawn = torch.tensor([arrows.U.tolist(), arrows.V.tolist()], dtype=torch.float64).T
    torch.testing.assert_close(drawn, tangents * (-grads * 0.55 / grads.abs().max())[:, None])


def test_no_gradient_no_arrows():
    angles = torch.zeros(3)
    state = CircleState(angles, angles, 5.0)
    assert circle_figure(state).axes[0].findobj(Quiver) == []
    assert "No arrows: the gradient is 0." in describe_circle(state)


def test_points_in_one_place_are_drawn_beside_each_other():
    angles = torch.zeros(4)
    lines = circle_figure(CircleState(angles, angles, 5.0)).axes[0].lines
    places = {tuple(line.get_xydata()[0].round(6)) for line in lines if line.get_marker() == "o"}
    assert len(places) >= 3


def test_losses_get_a_panel_of_their_own_with_a_fixed_end():
    path = descend(random_circle(3, 5.0), 0.2, 6)
    losses = [state.batch.loss for state in path]
    fig = circle_figure(path[-1], losses, max_steps=20)
    _, panel = fig.axes
    assert panel.lines[0].get_ydata() == pytest.approx(losses)
    assert panel.lines[2].get_ydata() == pytest.approx([math.log(3)] * 2)
    assert panel.get_xlim()[1] == 20.5
    assert plt.get_fignums() == []


def test_the_axis_cannot_end_before_the_walk():
    with pytest.raises(ValueError, match="max_steps must be an integer of at least 2, got 1"):
        circle_figure(random_circle(), [1.0, 0.9, 0.8], max_steps=1)


def test_words_say_loss_gap_and_hardest_negative():
    state = CircleState(torch.tensor([0.0, math.pi / 2]), torch.tensor([0.0, 0.0]), 10.0)
    line = read_circle(state, steps=7)
    assert line.startswith(
        f"After 7 steps: Loss {state.batch.loss:.3f} nats; guessing would be log 2 = 0.693."
    )
    assert "Angle between partners: 45° on average, 90° at most (pair 2)." in line
    assert "to which image" in line
    assert line in describe_circle(state, steps=7)
    assert "After" not in describe_circle(state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2), torch.zeros(3), 1.0), r"text_angles must have the shape of image_angles"),
        ((torch.zeros(1), torch.zeros(1), 1.0), "image_angles must hold at least 2 pairs, got 1"),
        ((torch.zeros(2, 1), torch.zeros(2, 1), 1.0), "image_angles must have 1 axis"),
        ((torch.zeros(2), torch.full((2,), math.inf), 1.0), "text_angles must be finite"),
    ],
)
def test_a_state_off_the_circle_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CircleState(*arguments)


def test_steps_and_rates_are_checked():
    with pytest.raises(ValueError, match="steps must be an integer of at least 0, got -1"):
        descend(random_circle(), 0.1, -1)
    with pytest.raises(ValueError, match="learning_rate must be finite"):
        step(random_circle(), math.nan)
