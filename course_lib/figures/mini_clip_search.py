"""One picture, and what a model takes it for: the best candidates with their probabilities."""

from collections.abc import Mapping
from typing import NamedTuple

import ipywidgets
import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import shortened
from course_lib.figures.pictures import as_pictures, draw_picture
from course_lib.figures.style import OKABE_ITO, WIDTH, course_style, new_figure
from course_lib.figures.words import percent
from course_lib.validate import check_int

#: Candidates that are drawn.
TOP = 6


class Board(NamedTuple):
    """Pictures that look for something, the candidates, and what a model says of all of them.

    ``probabilities`` is [queries, candidates]: of each query either a distribution over the candidates, as a
    softmax gives it, or one independent probability for each, as a sigmoid does. ``right`` holds the number
    of each query's right candidate. ``candidate_images`` may be None: candidates are texts, and a picture
    beside one only helps the reader.
    """

    images: np.ndarray
    names: tuple[str, ...]
    candidates: tuple[str, ...]
    candidate_images: np.ndarray | None
    probabilities: Float[np.ndarray, "queries candidates"]
    right: Int[np.ndarray, " queries"]


class Found(NamedTuple):
    """What was found for one query: the first candidates, best first, and the rank of the right one."""

    shown: tuple[int, ...]
    probabilities: tuple[float, ...]
    rank: int


def found_on(board: Board, query: int, top: int = TOP) -> Found:
    """Rank the candidates of one query; a tie counts against the right one.

    Raises
    ------
    TypeError, ValueError
        If ``query`` is no row of the board.
    """
    check_int("query", query, low=0, high=len(board.names) - 1)
    row, right = board.probabilities[query], int(board.right[query])
    rank = int((row >= row[right]).sum())
    order = np.argsort(-row, kind="stable")
    # Among equals the right one last, as the rank says.
    order = order[np.lexsort((order == right, -row[order]))][: min(top, len(row))]
    return Found(tuple(int(n) for n in order), tuple(float(row[n]) for n in order), rank)


def search_figure(board: Board, query: int, title: str) -> Figure:
    """Draw the query's picture and the best candidates as bars of probability; ✓ marks the right one.

    Returns
    -------
    matplotlib.figure.Figure
        The bars' axis runs from 0 to 1, so that two pictures can be compared by eye.
    """
    found = found_on(board, query)
    tall, top, left, bar_left, bar_width = 0.45, 0.6, 2.4, 5.2, 3.1
    height = top + TOP * tall + 0.15
    with course_style():
        fig = new_figure(height, constrained=False)
        # One data unit is one inch, y down.
        axes = fig.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        axes.text(WIDTH / 2, 0.25, title, ha="center", va="center", fontsize=12, fontweight="bold")
        draw_picture(axes, as_pictures(board.images[query : query + 1])[0], (1.1, top + 0.85), 1.5)
        axes.text(
            1.1, top + 1.8, shortened(board.names[query], 24), ha="center", va="center", fontweight="bold"
        )
        axes.text(
            1.1,
            top + 2.1,
            f"right answer: rank {found.rank} of {len(board.candidates)}",
            ha="center",
            va="center",
        )
        for place, (candidate, share) in enumerate(zip(found.shown, found.probabilities, strict=True)):
            y = top + (place + 0.5) * tall
            is_right = candidate == board.right[query]
            colour = OKABE_ITO["blue"] if is_right else "#999999"
            if board.candidate_images is not None:
                picture = as_pictures(board.candidate_images[candidate : candidate + 1])[0]
                draw_picture(axes, picture, (left + 0.2, y), 0.38)
            axes.text(
                left + 0.45,
                y,
                f"{'✓' if is_right else '✗'} {shortened(board.candidates[candidate], 22)}",
                va="center",
                fontweight="bold" if is_right else "normal",
            )
            axes.barh(y, bar_width * share, 0.26, left=bar_left, color=colour)
            axes.text(bar_left + bar_width * share + 0.06, y, percent(share), va="center", fontsize=9)
        axes.vlines(bar_left, top, top + TOP * tall, colors="#444444", linewidth=0.8)
    return fig


def describe_search(board: Board, query: int, title: str) -> str:
    """Say in words what `search_figure` shows: its alt text."""
    found = found_on(board, query)
    listed = "; ".join(
        f"{board.candidates[n]} {percent(p)}" for n, p in zip(found.shown, found.probabilities, strict=True)
    )
    return (
        f"{title}. The picture of “{board.names[query]}” and the best candidates: {listed}. "
        f"{_rank(board, found)}"
    )


def read_search(board: Board, query: int) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    found = found_on(board, query)
    best = f"“{board.candidates[found.shown[0]]}” {percent(found.probabilities[0])}"
    right = percent(float(board.probabilities[query, int(board.right[query])]))
    return f"“{board.names[query]}”: best {best}; the right answer gets {right}. {_rank(board, found)}"


def explore_mini_clip(boards: Mapping[str, Mapping[str, Board]]) -> Explorer:
    """Let a reader choose a picture, a model and a task, and see what the model takes it for.

    Parameters
    ----------
    boards : mapping from a task to a mapping from a model to a Board
        All tasks ask of the same emoji, in the same order, and have the same models.

    Returns
    -------
    Explorer
        Controls: task, model, query (the emoji). The button "Next mistake" goes on to the next emoji for
        which the model's first choice is wrong.

    Raises
    ------
    ValueError
        If there is no board, or boards differ in their emoji or models.
    """
    flat = [board for models in boards.values() for board in models.values()]
    if not flat or any(board.names != flat[0].names for board in flat):
        raise ValueError("boards must hold at least one board, and all must ask of the same emoji.")
    models = list(next(iter(boards.values())))
    if any(list(one) != models for one in boards.values()):
        raise ValueError("boards must have the same models for each task.")

    def draw(task: str, model: str, query: int) -> Frame:
        board, title = boards[task][model], f"{model}: {task}"
        return Frame(
            search_figure(board, query, title),
            describe_search(board, query, title),
            read_search(board, query),
        )

    def next_mistake(values: dict[str, object]) -> dict[str, int]:
        board, start = boards[str(values["task"])][str(values["model"])], int(str(values["query"]))
        for step in range(1, len(board.names) + 1):
            query = (start + step) % len(board.names)
            if found_on(board, query, 1).rank > 1:
                return {"query": query}
        return {}

    options = [(f"{place + 1}: {shortened(name, 15)}", place) for place, name in enumerate(flat[0].names)]
    return Explorer(
        {
            "task": control(ipywidgets.Dropdown, "Task", next(iter(boards)), options=list(boards)),
            "model": control(ipywidgets.Dropdown, "Trained with", models[0], options=models),
            "query": control(ipywidgets.SelectionSlider, "Emoji", 0, options=options),
        },
        draw,
        {"Next mistake": next_mistake},
    )


def _rank(board: Board, found: Found) -> str:
    return f"The right answer has rank {found.rank} of {len(board.candidates)}."
