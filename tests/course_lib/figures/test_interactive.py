import math
import re

import ipywidgets
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from course_lib.figures import Explorer, Frame, descend, explore_circle, explore_softmax, random_circle


def buttons_of(explorer):
    row = next(child for child in explorer.children if isinstance(child, ipywidgets.HBox))
    return {button.description: button for button in row.children}


def alt_of(explorer):
    return re.search(r'alt="([^"]*)"', explorer.picture.value).group(1)


@pytest.fixture
def counted():
    calls = []

    def draw(a, b):
        calls.append((a, b))
        return Frame(Figure(), f"A figure of the numbers {a} and {b}.", f"a is {a} < {b}")

    explorer = Explorer(
        {"a": ipywidgets.IntSlider(1), "b": ipywidgets.IntSlider(2)},
        draw,
        {"Swap": lambda values: {"a": values["b"], "b": values["a"]}},
    )
    return explorer, calls


def test_an_explorer_is_complete_without_a_front_end(counted):
    explorer, calls = counted
    assert calls == [(1, 2)]
    assert explorer.picture.value.startswith("<figure")
    assert alt_of(explorer) == "A figure of the numbers 1 and 2."
    assert explorer.readout.value.startswith('<p role="status"')
    assert explorer.readout.value.endswith(">a is 1 &lt; 2</p>")
    assert repr(explorer) == "Explorer: a is 1 < 2"


def test_moving_a_control_redraws_once_and_in_place(counted):
    explorer, calls = counted
    picture, children = explorer.picture, explorer.children
    seen = []
    picture.observe(lambda change: seen.append(change.new), names="value")
    explorer.controls["a"].value = 5
    assert calls == [(1, 2), (5, 2)]
    assert len(seen) == 1  # one message: the old picture is never cleared first
    assert explorer.picture is picture
    assert explorer.children == children
    assert alt_of(explorer) == "A figure of the numbers 5 and 2."


def test_several_controls_are_set_with_one_drawing(counted):
    explorer, calls = counted
    explorer.set(a=7, b=8)
    assert calls[1:] == [(7, 8)]
    explorer.set(a=7)
    assert len(calls) == 2
    with pytest.raises(ValueError, match="c is no control of this figure: it has a, b"):
        explorer.set(a=9, c=1)
    assert explorer.values == {"a": 7, "b": 8}


def test_buttons_change_what_they_say_and_reset_goes_back(counted):
    explorer, calls = counted
    buttons_of(explorer)["Swap"].click()
    assert calls[-1] == (2, 1)
    explorer.set(a=9)
    buttons_of(explorer)["Reset"].click()
    assert calls[-1] == (1, 2)
    assert explorer.values == {"a": 1, "b": 2}


def test_every_control_of_the_softmax_changes_picture_and_words():
    explorer = explore_softmax()
    assert list(explorer.controls) == ["logit_scale", "alignment", "highlighted"]
    for name, value in (("logit_scale", 50.0), ("alignment", 0.5), ("highlighted", 3)):
        picture, words = explorer.picture.value, explorer.readout.value
        explorer.controls[name].value = value
        assert explorer.picture.value != picture
        assert explorer.readout.value != words
    assert "Logit scale 50." in explorer.readout.value
    assert "Image “rocket”" in explorer.readout.value
    assert f"log 5 = {math.log(5):.3f}" in explorer.readout.value
    assert "Image “rocket”" in alt_of(explorer)
    assert plt.get_fignums() == []


def test_the_scale_slider_is_logarithmic_from_1_to_100():
    slider = explore_softmax().controls["logit_scale"]
    assert isinstance(slider, ipywidgets.FloatLogSlider)
    assert (slider.base**slider.min, slider.base**slider.max) == (1, 100)
    assert slider.continuous_update


def test_the_circle_walks_down_its_loss():
    explorer = explore_circle(batch_size=3, max_steps=12)
    assert explorer.readout.value.count("After 0 steps") == 1
    explorer.controls["steps"].value = 12
    end = descend(random_circle(3, 10.0, 0), 0.3 * 3 / 10, 12)[-1]
    assert f"After 12 steps: Loss {end.batch.loss:.3f} nats" in explorer.readout.value
    assert "After 12 steps" in alt_of(explorer)
    before = explorer.readout.value
    explorer.controls["logit_scale"].value = 2.0
    assert explorer.readout.value != before
    assert plt.get_fignums() == []


def test_shuffle_starts_again_from_the_next_seed():
    explorer = explore_circle(seed=999, max_steps=3)
    explorer.set(steps=3)
    buttons_of(explorer)["Shuffle"].click()
    assert explorer.values == {"logit_scale": 10.0, "steps": 0, "seed": 0}
    assert f"Loss {random_circle(4, 10.0, 0).batch.loss:.3f} nats" in explorer.readout.value
    buttons_of(explorer)["Reset"].click()
    assert explorer.values["seed"] == 999


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="max_steps must be an integer of at least 1, got 0"):
        explore_circle(max_steps=0)
    with pytest.raises(ValueError, match="batch_size must be an integer of at least 2, got 1"):
        explore_circle(batch_size=1)
