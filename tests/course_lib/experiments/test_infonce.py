"""The experiments of lesson 01 measure what the lesson says they measure."""

import math

import pytest
import torch

from course_lib import contrastive
from course_lib.data import load_emoji
from course_lib.experiments import infonce as experiments
from course_lib.experiments.start_here import random_cosine


def test_random_directions_are_nearly_orthogonal():
    result = random_cosine(dim=512)
    assert result.typical == pytest.approx(result.predicted, rel=0.01)


@pytest.mark.parametrize("batch", [4, 256])
def test_landmarks_against_their_closed_forms(batch):
    marks = experiments.landmarks(batch)
    assert marks.chance == math.log(batch)
    simplex = math.log(math.e + (batch - 1) * math.exp(-1 / (batch - 1))) - 1
    assert marks.perfect_at_scale_1 == pytest.approx(simplex, abs=1e-12)
    assert marks.random_at_scale_1 == pytest.approx(marks.chance, rel=0.05)
    assert marks.perfect_at_scale_100 < 1e-12


def test_the_estimate_never_passes_log_n():
    ceiling = experiments.information_ceiling(batches=(2, 16, 64))
    assert all(e <= c + 1e-9 for e, c in zip(ceiling.estimates, ceiling.ceilings, strict=True))
    assert ceiling.truth == pytest.approx(23.279, abs=1e-3)


def test_with_little_information_the_estimate_stays_at_the_truth_and_below_the_ceiling():
    # The same code must not return log N whatever happens: a weak dependence is estimated at its true size.
    weak = experiments.information_ceiling(batches=(256,), dim=2, correlation=0.5)
    assert weak.estimates[0] == pytest.approx(weak.truth, abs=0.03)
    assert weak.estimates[0] < 1


def test_twins_cost_log_2():
    assert experiments.twins(pairs=16).loss == pytest.approx(math.log(2), abs=1e-9)
    assert experiments.twins(pairs=16).without_twins == pytest.approx(0, abs=1e-9)


def test_micro_batches_are_another_loss_and_blocks_are_not():
    pieces = experiments.micro_batches()
    assert pieces.pieces < pieces.whole - 1
    assert pieces.exact == pytest.approx(pieces.whole, abs=1e-12)
    assert 0 < pieces.gradient_cosine < 0.99


def test_every_batch_size_sees_the_same_pairs():
    hard = experiments.hard_negatives(batches=(16, 64))
    images, texts = experiments.emoji_features(64)
    whole = contrastive.cosine_similarity(images, texts)
    negatives = whole.masked_fill(torch.eye(64, dtype=torch.bool), -2).amax(dim=1)
    assert hard.hardest_cosine[1] == pytest.approx(float(negatives.mean()))
    assert hard.hardest_cosine[0] < hard.hardest_cosine[1]


def test_retrieval_is_far_above_chance_and_ordered():
    found = experiments.retrieval()
    for recalls in (found.images_to_texts, found.noto_to_twemoji):
        assert list(recalls) == sorted(recalls)
        assert recalls[0] > 20 * found.chance[0]


def test_confusions_are_wrong_and_surest_first():
    mistakes = experiments.confusions(count=4)
    assert all(row[0] != name for name, row in zip(mistakes.names, mistakes.retrieved, strict=True))
    assert len(mistakes.queries) == 4


def test_same_pictures_are_the_same():
    same = experiments.same_pictures()
    images = load_emoji("noto").images[same.rows]
    assert (images == images[0]).all()
    assert same.repeated == 14


def test_the_scale_sweep_is_a_u():
    losses = experiments.scale_sweep().losses
    lowest = losses.index(min(losses))
    assert 0 < lowest < len(losses) - 1
    assert losses[-1] > experiments.scale_sweep().chance
