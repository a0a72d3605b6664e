"""The trainer: seeded, it learns, what it decays, how it cuts batches, what it reports, what it refuses."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import contrastive
from course_lib.contrastive.training import _batches, _parameter_groups, _schedule

PAIRS = 12
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(PAIRS, 3, 32, 32, generator=GENERATOR)
BAGS = torch.eye(PAIRS)
GOOD = {"images": IMAGES, "bags": BAGS, "batch_size": 4, "samples_seen": 24, "learning_rate": 2e-3}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(**changes):
    return contrastive.train_mini_clip(**{**GOOD, **changes})


@pytest.mark.parametrize("loss", contrastive.LOSSES)
def test_the_same_seed_gives_the_same_model_and_another_seed_another(loss):
    one, same, other = (trained(loss=loss, seed=seed) for seed in (3, 3, 4))
    assert one.history == same.history
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, same.model.state_dict()[name])
    assert one.history != other.history


@pytest.mark.parametrize("loss", contrastive.LOSSES)
def test_it_learns_its_pairs(loss):
    found = trained(loss=loss, samples_seen=360, augmentation=None, batch_size=PAIRS)
    losses = [epoch.loss for epoch in found.history]
    assert losses[-1] < 0.5 * losses[0]
    features = contrastive.encode(found.model, IMAGES, BAGS)
    assert contrastive.recall_at_k(features.image_features @ features.text_features.T, 1) == 1
    assert not found.model.training


def test_a_fixed_scale_stays_and_a_learned_one_moves_and_is_clamped():
    fixed = trained(temperature=0.2, scale_learning_rate=0.0)
    assert fixed.history[-1].logit_scale == pytest.approx(5)
    assert trained().history[-1].logit_scale != pytest.approx(1 / 0.07, rel=1e-4)
    hot = trained(temperature=0.0101, scale_learning_rate=10.0, samples_seen=48)
    assert all(epoch.logit_scale <= 100.001 for epoch in hot.history)


def test_the_history_counts_epochs_in_samples():
    seen = []
    found = trained(samples_seen=28, on_epoch=lambda epoch, model: seen.append((epoch, model.training)))
    assert [epoch.samples for epoch in found.history] == [12, 24, 28]
    assert [epoch.epoch for epoch in found.history] == [1, 2, 3]
    assert tuple(epoch for epoch, _ in seen) == found.history
    assert all(epoch.logit_bias is None for epoch in found.history)
    assert trained(loss="siglip").history[-1].logit_bias < 0


def test_a_callback_may_evaluate_without_changing_what_comes():
    def evaluating(_epoch, model):
        contrastive.encode(model.eval(), IMAGES, BAGS)

    assert trained(on_epoch=evaluating).history == trained().history


def test_corruption_changes_what_is_learned():
    plain = {"augmentation": None, "batch_size": PAIRS, "samples_seen": 360}
    rows = contrastive.corrupt_pairs(PAIRS, 0.5, seed=1)
    noisy = trained(corrupted=0.5, seed=1, **plain)
    features = contrastive.encode(noisy.model, IMAGES, BAGS)
    found = (features.image_features @ features.text_features.T).argmax(dim=1)
    assert torch.equal(found, rows)  # each picture has learned the caption that it was given


def test_normalising_fewer_pictures_is_another_training_of_the_same_batches():
    whole, pieces = trained(), trained(norm_size=2)
    assert whole.history != pieces.history
    assert trained(norm_size=4).history == whole.history


def test_what_is_decayed():
    model = contrastive.new_mini_clip(PAIRS, "siglip")
    groups = _parameter_groups(model, 1e-3, 1e-2, 0.1)
    of = {id(parameter): group for group in groups for parameter in group["params"]}
    assert len(of) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        assert of[id(parameter)]["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0), name
    for parameter in (model.logit_scale.log_scale, model.logit_bias):
        assert (of[id(parameter)]["lr"], of[id(parameter)]["weight_decay"]) == (1e-2, 0)


@given(st.integers(2, 9), st.integers(0, 20), st.integers(0, 100))
@settings(deadline=None)
def test_no_batch_holds_a_pair_twice_and_every_pass_is_new(batch_size, steps, seed):
    batches = list(_batches(9, batch_size, steps, torch.Generator().manual_seed(seed)))
    assert len(batches) == steps
    assert all(len(set(rows.tolist())) == batch_size for rows in batches)
    per_pass = 9 // batch_size
    for start in range(0, steps - per_pass + 1, per_pass):
        one_pass = torch.cat(batches[start : start + per_pass]).tolist()
        assert len(set(one_pass)) == len(one_pass)


def test_the_schedule_warms_up_and_ends_near_zero():
    rates = [_schedule(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) <= 1
    assert rates[0] < 0.1
    assert rates[-1] < 1e-3
    assert _schedule(0, 10, 0.0) < 1
    assert math.isclose(_schedule(54, 100, 0.1) + _schedule(55, 100, 0.1), 1, abs_tol=0.02)  # half-way


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES[0]}, "images must have 4 axes"),
        ({"bags": BAGS[:3]}, "bags must have one row for each of the 12 images, got 3"),
        ({"loss": "triplet"}, "loss must be one of 'infonce', 'siglip', got 'triplet'"),
        ({"batch_size": 13}, "batch_size must be an integer from 2 to 12, got 13"),
        ({"batch_size": 1}, "batch_size must be an integer from 2 to 12, got 1"),
        ({"samples_seen": 3}, "samples_seen must be an integer of at least 4, got 3"),
        ({"learning_rate": 0.0}, "learning_rate must be greater than 0, got 0.0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0, got -1.0"),
        ({"warmup": 2.0}, "warmup must be a number from 0 to 1, got 2.0"),
        ({"norm_size": 0}, "norm_size must be an integer of at least 1, got 0"),
        ({"corrupted": 1.5}, "share must be a number from 0 to 1, got 1.5"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises((TypeError, ValueError), match=message):
        trained(**changes)
