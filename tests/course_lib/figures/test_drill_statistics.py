"""The figure of a learner's drills: its bars are its numbers, and its words too."""

from datetime import date, timedelta

import numpy as np
import pytest

from course_lib.figures import (
    DrillStatisticsState,
    Sureness,
    describe_drill_statistics,
    drill_statistics_figure,
    figure_html,
)

FIRST = date(2026, 3, 1)
SURENESS = (Sureness(0.5, 8, 5), Sureness(0.9, 20, 20))


def state(**changes):
    given = {"first": FIRST, "due": [9.0, 4.5, 12.25], "forgotten": [1.0, 0.5, 2.0], "sureness": SURENESS}
    return DrillStatisticsState(**(given | changes))


def test_the_bars_are_what_is_due_in_two_parts():
    forecast, calibration = drill_statistics_figure(state()).axes
    known, forgotten = (np.array([bar.get_height() for bar in part]) for part in forecast.containers)
    assert np.allclose(known + forgotten, [9.0, 4.5, 12.25])
    assert np.allclose(forgotten, [1.0, 0.5, 2.0])
    assert [bar.get_hatch() for bar in forecast.containers[1]] == ["///"] * 3
    assert [tick.get_text() for tick in forecast.get_xticklabels()] == ["01 Mar", "02 Mar", "03 Mar"]
    points = calibration.containers[0][0]
    assert np.allclose(points.get_xydata(), [[0.5, 0.625], [0.9, 1.0]])
    assert {text.get_text() for text in calibration.texts} == {"8", "20"}


def test_the_words_have_the_numbers():
    said = describe_drill_statistics(state(interview=FIRST + timedelta(days=2)))
    assert said == (
        "Bars of the cards expected to be due on 3 days from 2026-03-01: 26 in all, of which 4 are likely to be "
        "forgotten; 9 on the first day, most on 2026-03-03 with 12. A line marks the interview on 2026-03-03. "
        "Beside them, what was right by how sure the learner was: 62.5 % right of 8 at 50.0 %, 100.0 % right of "
        "20 at 90.0 %."
    )
    assert "an empty diagram" in describe_drill_statistics(state(sureness=()))


@pytest.mark.parametrize(("ahead", "place"), [(None, None), (-1, None), (0, 0), (2, 2), (3, 3), (4, None)])
def test_an_interview_is_marked_where_it_is_in_sight(ahead, place):
    made = state(interview=None if ahead is None else FIRST + timedelta(days=ahead))
    assert made.days_to_interview == place
    forecast = drill_statistics_figure(made).axes[0]
    dashed = [line.get_xdata()[0] for line in forecast.lines]
    assert dashed == ([] if place is None else [place - 0.5])


@pytest.mark.parametrize("days", [1, 2, 30, 366])
def test_it_can_be_drawn_whatever_the_numbers(days):
    for made in (
        state(due=[0.0] * days, forgotten=[0.0] * days, sureness=()),
        state(due=[160.0] * days, forgotten=[159.5] * days, interview=FIRST),
    ):
        assert figure_html(drill_statistics_figure(made), describe_drill_statistics(made)).startswith(
            "<figure"
        )
    assert (
        len(drill_statistics_figure(state(due=[1.0] * days, forgotten=[0.0] * days)).axes[0].get_xticks())
        <= 6
    )


def test_a_few_answers_are_said_to_be_uncertain_even_if_all_were_right():
    assert Sureness(0.9, 1, 1).error > Sureness(0.9, 100, 100).error > 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"due": []}, "due and forgotten must have a number for each day, got 0 and 3"),
        ({"forgotten": [1.0, 5.0, 0.0]}, "forgotten must lie between 0 and due = 4.5, got 5.0"),
        ({"sureness": [Sureness(0.5, 0, 0)]}, "answers must be an integer of at least 1, got 0"),
        ({"sureness": [Sureness(1.5, 2, 1)]}, "shares must lie between 0 and 1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        state(**changes)
