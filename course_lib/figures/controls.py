"""The controls of interactive figures, alike in every lesson: a description in front, as wide as a line."""

from typing import Any

import ipywidgets


def control(kind: type, description: str, value: Any, *, width: str = "36em", **settings: Any) -> Any:
    """Make a widget of ipywidgets that looks like the course's others.

    Parameters
    ----------
    kind : type
        For instance ``ipywidgets.FloatSlider``.
    description : str
        What stands in front of it; about 14 characters fit.
    value
        Where it starts, and where "Reset" puts it back.
    width : str
        As in CSS; never wider than the cell.
    **settings
        Further arguments of ``kind``.

    Returns
    -------
    ipywidgets.Widget
        One with a ``value``, for `Explorer`.
    """
    return kind(
        value=value,
        description=description,
        style={"description_width": "7em"},
        layout={"width": f"min({width}, 98%)"},
        **settings,
    )


def scale_slider(value: float, description: str = "Logit scale") -> ipywidgets.FloatLogSlider:
    """Make the slider of logit scales, from 1 to 100 on a logarithmic track."""
    return control(
        ipywidgets.FloatLogSlider,
        description,
        value,
        base=10,
        min=0,
        max=2,
        step=0.05,
        readout_format=".3g",
    )
