"""What observers pick: the state is the library's, the words are its numbers, the controls move it."""

import pytest
import torch

from course_lib import quantization
from course_lib.experiments.post_training import calibrated, calibration_data
from course_lib.figures import (
    CalibrationState,
    calibration_figure,
    describe_calibration,
    explore_calibration,
    figure_html,
    read_calibration,
)

DATA = {name: values[:, :500] for name, values in calibration_data().items()}
BELL = DATA["bell curve"]


def test_the_state_is_what_the_library_says():
    state = CalibrationState(BELL, bits=4)
    assert len(state.seen) == len(state.unseen) == 4
    observer = quantization.MinMax(-8, 7)
    for batch in BELL[:4]:
        observer.observe(batch)
    assert state.ranges["MinMax"] == tuple(float(end) for end in observer.range())
    scale, zero_point = observer.qparams()
    x_hat = quantization.fake_quantize(BELL[4:], float(scale), int(zero_point), -8, 7)
    assert state.sqnr["MinMax"] == pytest.approx(float(quantization.sqnr_db(BELL[4:], x_hat)))
    assert state.sqnr[state.best] == max(state.sqnr.values())
    low, high = state.ranges["Percentile"]
    assert state.cut["Percentile"] == float(((BELL[4:] < low) | (BELL[4:] > high)).double().mean())


def test_it_shows_what_the_lesson_prints():
    table = calibrated(bits=8)
    for name, row in zip(table.data, table.sqnr, strict=True):
        assert tuple(CalibrationState(calibration_data()[name]).sqnr.values()) == pytest.approx(row)


@pytest.mark.parametrize("name", DATA)
def test_it_can_be_drawn_and_its_words_have_its_numbers(name):
    state = CalibrationState(DATA[name], bits=4)
    assert f"{state.sqnr['Histogram']:.1f} dB" in read_calibration(state).replace("\N{MINUS SIGN}", "-")
    assert read_calibration(state) in describe_calibration(state)
    assert figure_html(calibration_figure(state), describe_calibration(state)).startswith("<figure")


@pytest.mark.parametrize("values", [-torch.rand(4, 50), torch.rand(4, 50), 1e-9 * torch.randn(2, 50)])
def test_values_of_one_sign_and_tiny_ones_can_be_drawn(values):
    state = CalibrationState(values)
    assert figure_html(calibration_figure(state), describe_calibration(state)).startswith("<figure")


def test_the_explorer_follows_its_controls():
    explorer = explore_calibration(DATA)
    before = explorer.readout.value
    explorer.set(bits=3, percentile=95.0)
    assert explorer.readout.value != before
    explorer.set(data="a massive token (layer 11, down)")
    assert "Entropy" in explorer.readout.value


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"batches": BELL[:1]},
            "batches must hold at least 2, one to calibrate on and one to test on, got 1.",
        ),
        ({"bits": 1}, "bits must be an integer from 2 to 16, got 1."),
        ({"batches": BELL[0]}, "batches must have 2 axes, [batches, values], got 1 axis"),
    ],
)
def test_what_cannot_be_drawn(arguments, sentence):
    with pytest.raises(ValueError, match="must") as caught:
        CalibrationState(**{"batches": BELL, **arguments})
    assert str(caught.value).startswith(sentence)


def test_an_explorer_needs_data():
    with pytest.raises(ValueError, match="data must hold at least one named tensor, got none"):
        explore_calibration({})
