"""The descriptors of lessons 02 and 03: one split, nothing of its held-out part among the rest."""

from course_lib.data import load_emoji
from course_lib.experiments.emoji_descriptors import descriptors


def test_held_out_emoji_are_not_trained_on():
    data = descriptors()
    assert len(data.train_images) == len(data.train_texts) == 1720
    assert len(data.held_out_images) == len(set(data.held_out_rows)) == 191
    names = load_emoji("noto").names
    assert {names[row] for row in data.held_out_rows}.isdisjoint(data.train_names)
