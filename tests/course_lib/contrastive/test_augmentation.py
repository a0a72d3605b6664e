"""Augmentation: nothing where it is off, only mirrors where allowed, white stays white, words are left out."""

import pytest
import torch

from course_lib.contrastive import Augmentation, augment_images, drop_words

NOTHING = Augmentation(shift=0, turn=0, zoom=0, tint=0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(16, 3, 32, 32, generator=generator(9))


def test_a_picture_may_only_be_mirrored_where_allowed(images):
    allowed = torch.arange(16) < 8
    changed = augment_images(images, NOTHING, generator(), may_flip=allowed)
    same = (changed - images).abs().amax(dim=(1, 2, 3)) < 1e-4
    mirrored = (changed - images.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert same[8:].all()
    assert (same | mirrored).all()
    assert 0 < mirrored[:8].sum() < 8


def test_white_stays_white_and_values_stay_in_range(images):
    changed = augment_images(images, Augmentation(), generator())
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not augment_images(torch.zeros(2, 3, 32, 32), Augmentation(), generator()).any()


def test_a_shift_moves_a_point_by_at_most_that_many_pixels():
    point = torch.zeros(64, 3, 32, 32)
    point[:, :, 16, 16] = 1
    moved = augment_images(point, Augmentation(shift=3, turn=0, zoom=0, tint=0), generator())
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    weight = moved[:, 0].sum(dim=(1, 2))
    for axis in (rows, columns):
        centre = (moved[:, 0] * axis).sum(dim=(1, 2)) / weight
        assert (centre - 16).abs().max() <= 3.01
        assert (centre - 16).abs().max() > 2


def test_a_seed_gives_the_same_changes(images):
    one, same, other = (augment_images(images, Augmentation(), generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_words_are_left_out_and_rows_keep_their_length():
    bags = torch.nn.functional.normalize(torch.rand(400, 10, generator=generator()))
    kept = drop_words(bags, 0.4, generator(1))
    torch.testing.assert_close(kept.norm(dim=1), torch.ones(400))
    assert abs(float((kept == 0).float().mean()) - 0.4) < 0.03
    ratio = kept / bags
    largest = ratio.amax(dim=1, keepdim=True)
    assert ((kept == 0) | ((ratio - largest).abs() < 1e-4)).all()  # what stays keeps its proportions


def test_an_empty_caption_stays_empty_and_none_loses_all():
    bags = torch.tensor([[0.0, 0.0], [0.6, 0.8]])
    assert torch.equal(drop_words(bags, 1.0, generator()), bags)
    assert torch.equal(drop_words(bags, 0.0, generator()), bags)
