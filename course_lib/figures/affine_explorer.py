"""The interactive grid: clip limits, bits, and a choice of values to lay it over."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
from torch import Tensor

from course_lib.figures.affine import affine_figure, describe_affine, read_affine
from course_lib.figures.affine_state import AffineState, affine_examples
from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.validate import check_int

#: The finest that a limit can be set, as a share of the values' own range.
_STEP = 0.01


def explore_affine(
    values: Mapping[str, Tensor] | None = None, *, bits: int = 4, symmetric: bool = False
) -> Explorer:
    """Let a reader drag the clip limits and turn the bits, and watch both kinds of error.

    Parameters
    ----------
    values : mapping from a name to a Tensor, optional
        Further values to choose from, beside a bell curve, one after a ReLU and one with a stray value.
    bits : int from 2 to 8
        Where its slider starts.
    symmetric : bool
        Where its choice starts.

    Returns
    -------
    Explorer
        Controls: data, bits, low and high (shares of the values' own lower and upper end, from 0 to 1), kind.
        Its button "Least error" moves the limits to the best grid.

    Raises
    ------
    TypeError, ValueError
        If ``bits`` is out of range, or values cannot be drawn.
    """
    check_int("bits", bits, low=2, high=8)
    choice = {**affine_examples(), **(values or {})}
    for x in choice.values():
        AffineState(x, 0.0, 1.0)

    def state_of(data: str, bits: int, low: float, high: float, kind: str) -> AffineState:
        x = choice[data]
        ends = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
        # At least a hundredth of the range, so that there is a step to draw.
        floor = _STEP * (ends[1] - ends[0]) if low * ends[0] == high * ends[1] == 0 else 0.0
        return AffineState(x, low * ends[0], max(high * ends[1], floor), bits, kind == "symmetric")

    def draw(**values: Any) -> Frame:
        state = state_of(**values)
        return Frame(affine_figure(state), describe_affine(state), read_affine(state))

    def least_error(values: dict[str, Any]) -> dict[str, Any]:
        best, whole = state_of(**values).of_least_error, state_of(**{**values, "low": 1, "high": 1})
        ends = (best.low, whole.low), (best.high, whole.high)
        low, high = (min(1.0, round(one / end / _STEP) * _STEP) if end else 1.0 for one, end in ends)
        return {"low": low, "high": high}

    share: dict[str, Any] = {"min": 0, "max": 1, "step": _STEP, "readout_format": ".0%"}
    return Explorer(
        {
            "data": control(ipywidgets.SelectionSlider, "Values", "bell curve", options=list(choice)),
            "bits": control(ipywidgets.IntSlider, "Bits", bits, min=2, max=8),
            "low": control(ipywidgets.FloatSlider, "Lower limit", 1.0, **share),
            "high": control(ipywidgets.FloatSlider, "Upper limit", 1.0, **share),
            "kind": control(
                ipywidgets.SelectionSlider,
                "Grid",
                "symmetric" if symmetric else "affine",
                options=["affine", "symmetric"],
            ),
        },
        draw,
        {"Whole range": lambda _: {"low": 1.0, "high": 1.0}, "Least error": least_error},
    )
