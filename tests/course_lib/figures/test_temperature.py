import math
import re

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import contrastive
from course_lib.experiments.temperature import Pairs
from course_lib.figures import (
    describe_temperature,
    explore_temperature,
    figure_html,
    read_temperature,
    temperature_figure,
    temperature_state,
)


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    images = contrastive.l2_normalize(torch.randn(14, 5, generator=generator, dtype=torch.float64))
    noise = torch.randn(14, 5, generator=generator, dtype=torch.float64)
    return Pairs(
        images, contrastive.l2_normalize(images + 0.4 * noise), tuple(f"pair {i}" for i in range(14))
    )


def test_the_marks_lie_on_the_curves_and_are_the_references_numbers(batch):
    state = temperature_state(batch, 0.07)
    loss, effective, norm = state.marks
    assert loss == pytest.approx(contrastive.clip_loss(batch.images, batch.texts, 1 / 0.07).item())
    cosines = batch.images @ batch.texts.T
    assert effective == pytest.approx(contrastive.effective_negatives(cosines, 0.07).mean().item())
    fig = temperature_figure(state)
    for axes, mark in zip(fig.axes, (loss, effective, norm), strict=False):
        (dot,) = [line for line in axes.lines if line.get_marker() == "o"]
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0.07, mark)
        curve = next(line for line in axes.lines if len(line.get_xdata()) > 10)
        nearest = min(zip(curve.get_xdata(), curve.get_ydata(), strict=True), key=lambda p: abs(p[0] - 0.07))
        assert nearest[1] == pytest.approx(mark, rel=1e-6)  # 0.07 is on the grid


def test_every_mark_is_inside_its_axes(batch):
    for temperature in (0.004, 0.07, 1.0):
        for axes, mark in zip(
            (fig := temperature_figure(state := temperature_state(batch, temperature))).axes,
            state.marks,
            strict=False,
        ):
            low, high = axes.get_ylim()
            assert low < mark < high
        assert figure_html(fig, describe_temperature(state))
    assert plt.get_fignums() == []


def test_the_strip_ends_where_exp_overflows(batch):
    fig = temperature_figure(temperature_state(batch))
    for axes in fig.axes[:3]:
        (strip,) = axes.patches
        assert strip.get_x() + strip.get_width() == pytest.approx(1 / 88.7228, rel=1e-5)
    assert "infinite in float32" not in read_temperature(temperature_state(batch, 0.012))
    assert "infinite in float32" in read_temperature(temperature_state(batch, 0.011))


def test_the_row_shows_the_likeliest_texts_and_always_the_right_one(batch):
    for query in range(14):
        state = temperature_state(batch, 0.05, query)
        shown = state.candidates(4)
        assert [one.name for one in shown if one.right] == [batch.names[query]]
        cosines = [one.cosine for one in shown[:3]]
        assert cosines == sorted(cosines, reverse=True)
        softmax = (batch.images[query] @ batch.texts.T / 0.05).softmax(dim=0)
        assert shown[0].probability == pytest.approx(softmax.max().item())


def test_words_say_the_numbers(batch):
    state = temperature_state(batch, 0.5, 3)
    line = read_temperature(state)
    assert line.startswith("τ = 0.5 (scale 2): loss ")
    assert f"{state.marks[1]:.1f} effective negatives of 13" in line
    assert "“pair 3” gives its own text" in line
    assert describe_temperature(state).endswith(line)
    assert f"lowest at τ = {state.curves.best_temperature:.2g}" in describe_temperature(state)


def test_the_explorer_moves_everything_with_one_slider(batch):
    explorer = explore_temperature({"one": batch, "other": batch}, queries=14)
    assert list(explorer.controls) == ["temperature", "batch", "query"]
    slider = explorer.controls["temperature"]
    for value in (0.07, 0.01):  # on the grid, so that a front end does not move them
        steps = (math.log10(value) - slider.min) / slider.step
        assert steps == pytest.approx(round(steps), abs=1e-6)
    before = explorer.picture.value
    slider.value = 0.01
    assert explorer.picture.value != before
    assert "τ = 0.01 (scale 100)" in explorer.readout.value
    alt = re.search(r'alt="([^"]*)"', explorer.picture.value).group(1)
    assert "τ = 0.01 (scale 100)" in alt
    explorer.controls["query"].value = 14
    assert "“pair 13”" in explorer.readout.value


def test_arguments_are_checked(batch):
    with pytest.raises(ValueError, match="batches must hold at least one named batch"):
        explore_temperature({})
    with pytest.raises(ValueError, match=r"temperature must be greater than 0, got 0\.0"):
        temperature_state(batch, 0.0)
    with pytest.raises(ValueError, match="query must be an integer from 0 to 13, got 14"):
        temperature_state(batch, 0.1, 14)
