"""The walk over the tiles: what is final when, and what fills the memory."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from course_lib.figures import TilesState, describe_tiles, explore_tiles, read_tiles, tiles_figure


def state(batch=1000, tile=300, visited=0, chunk=10, per_pair=1e6):
    return TilesState(batch, tile, visited, chunk, per_pair)


def test_rows_finish_one_by_one_and_columns_with_the_last_row():
    walk = [state(visited=visited) for visited in range(17)]
    assert walk[0].side == 4  # the last tiles are smaller
    for visited, one in enumerate(walk):
        seen = np.zeros(16)
        seen[:visited] = 1
        np.testing.assert_allclose(one.rows_seen, seen.reshape(4, 4).mean(axis=1))
        np.testing.assert_allclose(one.columns_seen, seen.reshape(4, 4).mean(axis=0))
        assert one.rows_done == (one.rows_seen == 1).sum()
    assert (walk[12].columns_seen < 1).all()
    assert (walk[16].columns_seen == 1).all()


def test_memory_by_hand():
    one = state(batch=1000, tile=100, chunk=10, per_pair=2e6)
    assert one.memory(saving=False) == {"activations": 2e9, "logits": 24e6, "features": 4096e3}
    assert one.memory(saving=True) == {"activations": 2e7, "logits": 8e4, "features": 4096e3}


def test_a_tile_or_chunk_larger_than_the_batch_saves_nothing_by_itself():
    one = state(batch=10, tile=100, chunk=100, per_pair=5.0).memory(saving=True)
    assert one["activations"] == 50
    assert one["logits"] == 800


def test_the_words_hold_the_numbers():
    one = state(batch=32_768, tile=4096, visited=26, chunk=64, per_pair=10e6)
    assert read_tiles(one).startswith("N = 32,768: 354 GB in all, 908 MB with tiles and gradient caching.")
    assert "3 of 8 rows of tiles are final; the columns have seen 38% to 50% of the images." in read_tiles(
        one
    )
    assert "Logits: 25.8 GB plainly, 134 MB with tiles and caching." in describe_tiles(one)


@pytest.mark.parametrize("visited", [0, 5, 16])
def test_the_figure_is_drawn_and_left_to_the_reader(visited):
    figure = tiles_figure(state(visited=visited))
    assert len(figure.axes) == 4
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visited": 17}, "visited must be an integer from 0 to 16, got 17"),
        ({"tile": 0}, "tile must be an integer of"),
    ],
)
def test_states_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        state(**change)


def test_every_control_changes_picture_and_words():
    explorer = explore_tiles()
    assert list(explorer.controls) == ["batch", "tile", "visited", "chunk", "per_pair"]
    for name, value in (("batch", 4096), ("tile", 512), ("visited", 90), ("chunk", 8), ("per_pair", 1.0)):
        picture, words = explorer.picture.value, explorer.readout.value
        explorer.controls[name].value = value
        assert explorer.picture.value != picture
        assert explorer.readout.value != words
    for visited in (0, 100):
        explorer.controls["visited"].value = visited
        assert f"{64 * visited // 100} of 64 tiles visited" in explorer.readout.value
    with pytest.raises(ValueError, match="batch must be one of 1024, 2048"):
        explore_tiles(batch=1000)
