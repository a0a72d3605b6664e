import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.figures import bars, figure_html, lines
from course_lib.figures.matrix import shortened, written

LABELS = {"title": "What is to be seen", "xlabel": "batch size N", "ylabel": "nats"}
ALT = "A chart that is drawn in a test."


def legend_of(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


def test_lines_draw_series_and_references():
    sizes = [2, 8, 32, 128]
    ceiling = np.log(sizes)
    fig = lines(
        sizes,
        {"estimate": torch.tensor([0.6, 2.0, 3.4, 4.8]), "wide": [0.5, 1.5, 2.5, 3.5]},
        references={"ceiling log N": ceiling, "truth": 5.0},
        errors={"wide": [0.1] * 4},
        xscale="log",
        **LABELS,
    )
    assert isinstance(fig, Figure)
    (axes,) = fig.axes
    assert legend_of(fig) == ["estimate", "wide", "ceiling log N", "truth"]
    drawn = [line.get_ydata() for line in axes.lines]
    assert any(np.allclose(row, [0.6, 2.0, 3.4, 4.8]) for row in drawn if len(row) == 4)
    assert any(np.allclose(row, ceiling) for row in drawn if len(row) == 4)
    assert any(np.allclose(row, 5.0) for row in drawn if len(row) == 2)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "8", "32", "128"]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == tuple(LABELS.values())
    assert figure_html(fig, ALT)
    assert plt.get_fignums() == []


def test_series_differ_by_more_than_colour():
    fig = lines([1, 2], {str(place): [place, place] for place in range(8)}, **LABELS)
    looks = [(curve[0].get_marker(), str(curve[0]._dash_pattern)) for curve in fig.axes[0].containers]
    assert len(set(looks)) == 8


def test_many_points_have_no_markers():
    fig = lines(range(100), {"curve": range(100)}, **LABELS)
    assert fig.axes[0].lines[0].get_marker() == ""


def test_bars_carry_their_numbers_and_hatches():
    fig = bars(
        ["InfoNCE", "SigLIP"],
        {"train": [65.0, 64.5], "held out": [17.84, -0.001]},
        references={"chance": 0.05},
        title="Recall",
        ylabel="%",
        number_format=".1f",
    )
    (axes,) = fig.axes
    assert [text.get_text() for text in axes.texts] == ["65.0", "64.5", "17.8", "0.0"]
    assert [bar.get_height() for bar in axes.patches] == [65.0, 64.5, 17.84, -0.001]
    assert len({bar.get_hatch() for bar in axes.patches}) == 2
    assert legend_of(fig) == ["train", "held out", "chance"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["InfoNCE", "SigLIP"]
    assert figure_html(fig, ALT)


def test_a_single_row_of_bars_needs_no_legend():
    assert bars(["a"], {"x": [1]}, title="t", ylabel="y").legends == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"series": {"a": [1, 2, 3]}}, r"series\['a'\] must be a row of 2 numbers, got shape \[3\]"),
        ({"series": {}}, "series must hold at least one named row of numbers, got none"),
        ({"series": {"a": ["one", "two"]}}, r"series\['a'\] must be a row of 2 numbers, got list"),
        ({"errors": {"b": [1, 1]}}, r"errors must name rows of series \(a\), got 'b'"),
        ({"errors": {"a": [1, -1]}}, r"errors\['a'\] must not be negative, got -1"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change, message):
    arguments = {"series": {"a": [1.0, 2.0]}, "errors": None} | change
    with pytest.raises(ValueError, match=message):
        lines([1, 2], **arguments, **LABELS)
    with pytest.raises(ValueError, match=message):
        bars(["x", "y"], **arguments, title="t", ylabel="y")


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match='xscale must be "linear" or "log", got \'cubic\''):
        lines([1], {"a": [1]}, xscale="cubic", **LABELS)
    with pytest.raises(ValueError, match="x must be a row of numbers, got shape"):
        lines([], {"a": []}, **LABELS)
    with pytest.raises(ValueError, match=r"references\['r'\] must be a row of 2 numbers"):
        lines([1, 2], {"a": [1, 2]}, references={"r": [1]}, **LABELS)
    with pytest.raises(ValueError, match="labels must name at least one group"):
        bars([], {"a": []}, title="t", ylabel="y")


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (-0.001, ".2f", "0.00"),
        (0.0004, "+.3f", "0.000"),
        (-0.25, "+.2f", "−0.25"),
        (0.25, "+.2f", "+0.25"),
        (-math.inf, ".2f", "−inf"),
        (-1e-9, ".2g", "−1e−09"),
    ],
)
def test_numbers_are_written_with_a_true_minus_and_no_sign_of_zero(value, number_format, text):
    assert written(value, number_format) == text


def test_labels_are_cut_visibly():
    assert shortened("umbrella") == "umbrella"
    assert shortened("smiling face") == "smiling f…"
