"""Figures of lesson 05: live curves, the search to explore, the gallery of texts."""

import re
import time

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures import (
    Board,
    LiveCurves,
    curves_figure,
    describe_search,
    explore_mini_clip,
    figure_html,
    found_on,
    mini_clip_curves,
    read_search,
    search_figure,
    text_gallery,
)

PANELS = {"loss in nats": ["loss"], "recall": ["trained", "held_out"]}


@pytest.fixture
def board():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    probabilities = np.array(
        [[0.7, 0.1, 0.1, 0.1], [0.4, 0.4, 0.1, 0.1], [0.5, 0.2, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]
    )
    names = ("cat", "dog", "pizza", "rocket")
    return Board(images, names, names, images, probabilities, np.arange(4))


def groups_of(board):
    """The same queries with texts alone as candidates, two of which are groups."""
    return board._replace(
        candidates=("animal", "thing"),
        candidate_images=None,
        probabilities=board.probabilities[:, :2],
        right=np.array([0, 0, 1, 1]),
    )


def test_ranks_count_ties_against_the_right_candidate(board):
    assert [found_on(board, query).rank for query in range(4)] == [1, 2, 3, 1]
    assert found_on(board, 1).shown[:2] == (0, 1)  # dog ties with cat, and comes after it
    assert found_on(board, 2, top=2).probabilities == (0.5, 0.2)


def test_a_query_that_does_not_exist_is_refused(board):
    with pytest.raises(ValueError, match="query must be an integer from 0 to 3, got 4"):
        found_on(board, 4)


def test_the_search_shows_names_shares_and_the_mark(board):
    fig = search_figure(board, 1, "InfoNCE")
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert "right answer: rank 2 of 4" in texts
    assert "✗ cat" in texts
    assert "✓ dog" in texts
    assert texts.count("40.0 %") == 2
    assert len(fig.axes[0].images) == 5
    assert len(search_figure(groups_of(board), 0, "Groups").axes[0].images) == 1


def test_alt_text_and_read_out_say_the_same_numbers(board):
    alt = describe_search(board, 2, "InfoNCE: captions")
    assert alt.startswith("InfoNCE: captions. The picture of “pizza” and the best candidates: cat 50.0 %; ")
    assert read_search(board, 2) == (
        "“pizza”: best “cat” 50.0 %; the right answer gets 20.0 %. The right answer has rank 3 of 4."
    )


def test_exploring_changes_task_model_and_emoji(board):
    other = board._replace(probabilities=board.probabilities[:, ::-1].copy())
    boards = {
        "captions": {"InfoNCE": board, "SigLIP": other},
        "groups": {"InfoNCE": groups_of(board), "SigLIP": groups_of(board)},
    }
    explorer = explore_mini_clip(boards)
    assert "“cat”: best “cat” 70.0 %" in repr(explorer)
    explorer.set(model="SigLIP")
    assert "“cat”: best “rocket” 70.0 %" in repr(explorer)
    explorer.set(task="groups", query=2)
    assert "“pizza”: best “animal” 50.0 %" in repr(explorer)
    assert 'alt="SigLIP: groups.' in explorer.picture.value


def test_next_mistake_skips_what_is_right_and_goes_round(board):
    explorer = explore_mini_clip({"captions": {"InfoNCE": board}})
    button = next(b for b in explorer.children[3].children if b.description == "Next mistake")
    seen = []
    for _ in range(3):
        button.click()
        seen.append(explorer.values["query"])
    assert seen == [1, 2, 1]


def test_without_mistakes_the_button_stays(board):
    perfect = board._replace(probabilities=np.eye(4))
    explorer = explore_mini_clip({"captions": {"InfoNCE": perfect}})
    explorer.children[3].children[0].click()
    assert explorer.values["query"] == 0


def test_boards_that_do_not_fit_are_refused(board):
    other = board._replace(names=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="boards must hold at least one board, and all must ask of the same"):
        explore_mini_clip({"captions": {"InfoNCE": board}, "groups": {"InfoNCE": other}})
    with pytest.raises(ValueError, match="boards must have the same models for each task"):
        explore_mini_clip({"captions": {"InfoNCE": board}, "groups": {"SigLIP": board}})


def test_curves_have_a_panel_each_and_an_axis_for_the_whole_training():
    values = {"loss": [5.0, 3.0], "trained": [0.1, 0.2], "held_out": [0.05, 0.1]}
    fig = curves_figure(PANELS, values, 30, "InfoNCE")
    assert [axes.get_title() for axes in fig.axes] == list(PANELS)
    assert all(axes.get_xlim()[1] >= 30 for axes in fig.axes)
    assert list(fig.axes[1].lines[0].get_ydata()) == [0.1, 0.2]
    assert [text.get_text() for text in fig.axes[1].get_legend().get_texts()] == ["trained", "held out"]
    assert figure_html(fig, "Curves that are drawn in a test.")


def test_without_a_notebook_each_epoch_is_a_line_on_stdout(capsys):
    live = LiveCurves("InfoNCE", 2, PANELS)
    live(loss=5.0, trained=0.1, held_out=0.05)
    live(loss=4.0, trained=0.2, held_out=0.06)
    out, err = capsys.readouterr()
    assert err == ""
    first, second = out.splitlines()
    assert re.fullmatch(r"InfoNCE: epoch 1 of 2, 0 s, 0 s to go; loss 5, trained 0.1, held out 0.05", first)
    assert second.startswith("InfoNCE: epoch 2 of 2")
    assert live.values["loss"] == [5.0, 4.0]


def test_in_a_notebook_one_output_is_replaced(monkeypatch):
    shown, updates = [], []

    class Handle:
        def update(self, html):
            updates.append(html.data)

    monkeypatch.setattr(mini_clip_curves, "_in_a_notebook", lambda: True)
    monkeypatch.setattr(
        mini_clip_curves, "display", lambda html, display_id: shown.append(html.data) or Handle()
    )
    live = LiveCurves("SigLIP", 3, PANELS)
    live(loss=5.0, trained=0.1, held_out=0.05)
    assert len(shown) == len(updates) == 1
    assert '<progress max="3" value="0"' in shown[0]
    assert '<progress max="3" value="1"' in updates[0]
    assert "held out 0.05" in updates[0]


def test_a_curve_without_a_number_is_refused():
    with pytest.raises(
        ValueError, match="numbers must have one for each curve, got none for trained, held_out"
    ):
        LiveCurves("InfoNCE", 3, PANELS)(loss=1.0)


def test_the_time_left_is_guessed_from_the_time_spent(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    live = LiveCurves("InfoNCE", 4, {"loss": ["loss"]})
    now[0] += 10
    live(loss=1.0)
    assert "epoch 1 of 4, 10 s, 30 s to go" in live.line


def test_the_gallery_has_a_row_for_each_text():
    pictures = np.zeros((3, 8, 8, 3))
    fig = text_gallery(["red heart", "bird"], [pictures, pictures], [["a", "b", "c"]] * 2, title="Found")
    assert isinstance(fig, Figure)
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert texts.count("a") == 2
    assert "“red heart”" in texts
    assert len(fig.axes[0].images) == 6


def test_a_gallery_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"must hold 2 rows of equally many pictures, got 1 and 2 rows"):
        text_gallery(["a", "b"], [np.zeros((1, 8, 8, 3))], [["x"], ["y"]], title="Found")
