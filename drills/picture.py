"""A learner's figures as a picture, where there is a screen to draw on."""

from __future__ import annotations

from datetime import date
from typing import Any

from drills.statistics import Statistics


def picture(found: Statistics, interview: date | None = None) -> tuple[Any, str]:
    """The forecast and the calibration as a matplotlib figure, and its alt text."""
    from course_lib import figures  # loads matplotlib, which the terminal does without

    state = figures.DrillStatisticsState(
        first=found.forecast[0].day,
        due=[one.due for one in found.forecast],
        forgotten=[one.forgotten for one in found.forecast],
        sureness=[
            figures.Sureness(one.said, one.answers, round(one.right * one.answers))
            for one in found.calibration
        ],
        interview=interview,
    )
    return figures.drill_statistics_figure(state), figures.describe_drill_statistics(state)
