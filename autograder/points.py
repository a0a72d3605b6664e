"""The value of a check cell: a number for nbgrader, a sentence for the learner."""

from __future__ import annotations


def in_words(earned: float, possible: float) -> str:
    """``1 of 3 points``."""
    return f"{earned:g} of {possible:g} point{'' if possible == 1 else 's'}"


class Points(float):
    """Points earned, as a float that JupyterLab shows as "1 of 3 points".

    nbgrader reads a cell's value from its text/plain form and takes only a bare float as partial
    credit; anything else earns full marks. So the repr stays a bare number and only the HTML talks.
    """

    possible: float

    def __new__(cls, earned: float, possible: float) -> Points:
        """Points earned, out of those possible."""
        value = super().__new__(cls, earned)
        value.possible = float(possible)
        return value

    def __getnewargs__(self) -> tuple[float, float]:  # type: ignore[override]  # for copies and pickles
        return float(self), self.possible

    def _repr_html_(self) -> str:
        done = self >= self.possible > 0
        mark, colour = ("✓", "#007a5a") if done else ("○", "#a04000")
        words = in_words(float(self), self.possible)
        return f'<b style="color:{colour}">{mark} {words}</b>'
