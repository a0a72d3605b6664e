"""The interactive loop: how far it has come, bits, and a choice of rows to walk through."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
from torch import Tensor

from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.gptq import describe_gptq, gptq_figure, read_gptq
from course_lib.figures.gptq_state import GPTQState, gptq_example
from course_lib.validate import check_int


def explore_gptq(rows: Mapping[str, tuple[Tensor, Tensor]] | None = None, *, bits: int = 2) -> Explorer:
    """Let a reader walk GPTQ column by column, and watch the others make up for each error.

    Parameters
    ----------
    rows : mapping from a name to weights, [inputs], and inputs, [tokens, inputs], optional
        Rows to choose from, before synthetic ones whose inputs are correlated more or less. All of 12
        columns.
    bits : int from 2 to 4
        Where its slider starts.

    Returns
    -------
    Explorer
        Controls: row, bits, done. Its button "Next column" rounds one more.

    Raises
    ------
    TypeError, ValueError
        If ``bits`` is out of range, or a row does not fit its inputs or has not 12 columns.
    """
    check_int("bits", bits, low=2, high=4)
    choice = {
        **(rows or {}),
        "correlated inputs": gptq_example(),
        "a little correlated": gptq_example(0.3),
        "independent inputs": gptq_example(0.0),
    }
    width = len(choice["independent inputs"][0])
    for name, (weight, inputs) in choice.items():
        GPTQState(weight, inputs)
        if len(weight) != width:
            raise ValueError(f"rows must have {width} columns, got {len(weight)} in {name!r}.")

    def draw(row: str, bits: int, done: int) -> Frame:
        state = GPTQState(*choice[row], bits, done)
        return Frame(gptq_figure(state), describe_gptq(state), read_gptq(state))

    def next_column(values: dict[str, Any]) -> dict[str, Any]:
        return {"done": min(values["done"] + 1, width)}

    return Explorer(
        {
            "row": control(ipywidgets.SelectionSlider, "Row", next(iter(choice)), options=list(choice)),
            "bits": control(ipywidgets.IntSlider, "Bits", bits, min=2, max=4),
            "done": control(ipywidgets.IntSlider, "Rounded", 0, min=0, max=width),
        },
        draw,
        {"Next column": next_column},
    )
