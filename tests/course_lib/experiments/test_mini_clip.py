"""The experiments of lesson 05 measure what the lesson says they measure; shipped weights are what they claim."""

import math

import numpy as np
import pytest
import torch

from course_lib import contrastive
from course_lib.data import VENDORS, build_vocabulary, captions, load_emoji, split_emoji
from course_lib.experiments import mini_clip as experiments
from course_lib.experiments.mini_clip import studies
from course_lib.experiments.mini_clip.study import VALIDATION

EMOJI = experiments.emoji_tensors()


# The data ----------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_pictures_and_captions():
    assert len(EMOJI.noto) == len(EMOJI.twemoji) == len(EMOJI.bags) == len(EMOJI.pairs) == 1911
    row = 700
    expected = contrastive.image_tensor(load_emoji("twemoji").images[[row]])
    assert torch.equal(EMOJI.images("twemoji")[[row]], expected)
    text = captions(EMOJI.pairs, with_tags=True)[row]
    assert torch.equal(EMOJI.text_bags([text])[0], EMOJI.bags[row])


def test_the_vocabulary_knows_nothing_of_held_out_emoji():
    train = EMOJI.pairs.take(EMOJI.train)
    known = build_vocabulary(captions(train, with_tags=True), min_count=1).words
    assert set(EMOJI.vocabulary.words) <= set(known)
    assert "norway" in EMOJI.vocabulary.words
    assert np.array_equal(split_emoji(EMOJI.pairs).held_out, EMOJI.held_out)


def test_only_pictures_without_a_direction_may_be_mirrored():
    allowed = [name for name, flip in zip(EMOJI.pairs.names, EMOJI.may_flip.tolist(), strict=True) if flip]
    assert 500 < len(allowed) < 1000
    for word in ("left", "right", "flag:", "o’clock"):
        assert not any(word in name.replace("-", " ").split() for name in allowed), word
    assert "grinning face" in allowed


# The shipped weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "augmented"), [("infonce", True), ("siglip", True), ("infonce", False)])
def test_shipped_weights_reproduce_their_recorded_recall(loss, augmented):
    recorded = contrastive.mini_clip_recipe(loss, augmented=augmented)
    model = contrastive.load_mini_clip(loss, augmented=augmented)
    found = experiments.evaluate(model)
    for name, value in recorded["evaluation"].items():
        assert getattr(found, name) == pytest.approx(value, abs=0.011), (
            name
        )  # half precision moves two of 191
    scale, bias = model.scale_and_bias()
    assert scale == pytest.approx(recorded["history"][-1]["logit_scale"])
    assert (bias is None) == (loss == "infonce")


def test_evaluation_ranks_an_untrained_model_at_chance():
    found = experiments.evaluate(contrastive.new_mini_clip(len(EMOJI.vocabulary.words)))
    assert found.train_r1 < 0.01
    assert found.held_out_r1 < 0.03


@pytest.mark.parametrize("loss", contrastive.LOSSES)
def test_held_out_emoji_are_found_far_above_chance_and_the_other_vendor_is_harder(loss):
    found = experiments.retrieval(loss)
    assert found.chance_held_out == 1 / 191
    assert found.held_out > 0.15
    assert found.held_out_other_vendor < found.held_out
    assert found.other_vendor < found.train
    report = experiments.directions(loss)
    assert report.image_to_text == tuple(sorted(report.image_to_text))
    assert (report.image_to_text[0] + report.text_to_image[0]) / 2 == pytest.approx(found.held_out)


def test_without_augmentation_training_emoji_are_remembered_and_the_other_vendor_suffers():
    found = experiments.memorisation()
    assert found.plain_train > found.augmented_train + 0.1
    assert found.plain_other_vendor < found.augmented_other_vendor - 0.05


# Galleries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_gallery_names_the_rows_it_shows(vendor):
    found = experiments.gallery(("red heart", "flag"), vendor=vendor, depth=3)
    assert found.vendor == vendor
    for rows, names, new in zip(found.rows, found.names, found.held_out, strict=True):
        assert names == tuple(EMOJI.pairs.names[row] for row in rows)
        assert new == tuple(row in EMOJI.held_out for row in rows)


def test_captioned_pictures_are_held_out_and_their_ranks_are_those_of_the_captions():
    found = experiments.captioned(count=5, depth=191)
    assert found.ranks == tuple(sorted(found.ranks))
    assert set(found.rows) <= set(EMOJI.held_out.tolist())
    for name, retrieved, rank in zip(found.names, found.retrieved, found.ranks, strict=True):
        assert retrieved.index(name) + 1 == rank
    surest = experiments.captioned(count=3, surest=True)
    assert all(rank > 1 for rank in surest.ranks)


# Zero-shot ---------------------------------------------------------------------------------------------


def test_prompts_name_every_group_but_the_swatches():
    assert set(experiments.PROMPTS) == set(EMOJI.pairs.groups) - {"Component"}
    assert {len(prompts) for prompts in experiments.PROMPTS.values()} == {5}


@pytest.mark.parametrize(("level", "classes"), [("group", 9), ("subgroup", 71)])
def test_zero_shot_classifies_held_out_emoji(level, classes):
    found = experiments.zero_shot(level)
    assert (found.classes, found.images, len(found.single)) == (classes, 190, 5)
    assert found.single_spread == pytest.approx(max(found.single) - min(found.single))
    assert found.ensemble > found.single_mean


def test_the_confusion_counts_what_the_ensemble_gets_right():
    counts = np.array(experiments.group_confusion().counts)
    assert counts.sum() == 190
    assert counts.trace() / 190 == pytest.approx(experiments.zero_shot().ensemble)


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="level must be 'group' or 'subgroup', got 'emoji'"):
        experiments.zero_shot("emoji")


def test_calibration_is_that_of_the_learned_scale():
    found = experiments.calibration()
    assert found.learned_scale == pytest.approx(contrastive.load_mini_clip().scale_and_bias()[0])
    assert found.accuracy == pytest.approx(experiments.zero_shot().ensemble)
    assert (
        abs(found.confidence - found.accuracy) <= found.error + 1e-6
    )  # the gap of the means is a lower bound
    assert found.best_error <= found.error


# The gap, the scale, the limits ------------------------------------------------------------------------


def test_the_gap_can_be_closed_and_opened():
    found = experiments.gap("siglip")
    assert found.trained_share < found.untrained_share
    shifted = experiments.shifted_gap("siglip", moved=(-1, 0, 1))
    assert shifted.gaps[1] == pytest.approx(found.trained)
    assert shifted.gaps[2] < shifted.gaps[1] < shifted.gaps[0]


def test_the_learned_scale_is_the_recorded_one():
    found = experiments.learned_scale("siglip")
    assert found.first == pytest.approx(10)
    assert found.last == found.scales[-1] < found.limit == 100
    assert len(found.scales) == len(found.biases) == len(found.epochs)
    assert experiments.learned_scale().biases == ()


def test_a_bag_of_words_does_not_see_word_order():
    found = experiments.word_order()
    one, other = (sorted(name.split()) for name in found.names)
    assert one == other
    assert found.names[0] != found.names[1]
    assert found.text_cosine == pytest.approx(1, abs=1e-6)
    assert found.gap_of_images == pytest.approx((0, 0), abs=1e-6)


def test_counting_compares_families_that_training_knew():
    found = experiments.counting()
    assert found.clocks.size < 24  # five faces are held out
    assert found.clocks.recall < found.mammals.recall


# Training and studies ----------------------------------------------------------------------------------


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_train_takes_the_settings_of_the_trainer(one_thread):
    seen = []
    found = experiments.train(
        "siglip",
        batch_size=8,
        samples_seen=24,
        widths=(8, 8, 8, 8),
        on_epoch=lambda epoch, model: seen.append(epoch.samples),
    )
    assert seen == [24]
    assert found.model.image_tower[0].out_channels == 8


def test_a_tiny_configuration_runs_and_repeats(one_thread):
    one, same = (experiments.study_run("siglip", 8, 64, 1e-3, corrupted=0.3, seed=7) for _ in range(2))
    assert one == same
    assert (one.loss, one.batch_size, one.corrupted, one.seed) == ("siglip", 8, 0.3, 7)
    assert math.isfinite(one.last_loss)
    assert 0 <= one.held_out_r1 <= one.held_out_r5 <= 1


def test_tuning_sees_no_held_out_emoji(one_thread, monkeypatch):
    trained_on = []

    def note(images, bags, **settings):
        trained_on.append(len(images))
        return real(images, bags, **{**settings, "samples_seen": 16, "batch_size": 8})

    real = contrastive.train_mini_clip
    monkeypatch.setattr(contrastive, "train_mini_clip", note)
    rank = experiments.tuning_run("infonce", 8, 16, 1e-3, seed=0)
    assert trained_on == [len(EMOJI.train) - VALIDATION]
    assert 0 < rank < 0.2


def lines(study, values, **more):
    return [
        {
            "study": study,
            "loss": loss,
            "batch_size": 64,
            "corrupted": 0.0,
            "learning_rate": 1e-3,
            "seed": seed,
            "held_out_r1": value,
            **more,
        }
        for loss, of_loss in values.items()
        for seed, value in enumerate(of_loss)
    ]


def test_a_study_is_summed_up_by_hand(monkeypatch):
    table = {
        "runs": lines("batch_size", {"infonce": (0.1, 0.3), "siglip": (0.2, 0.5)})
        + lines("caption_noise", {"infonce": (0.1, 0.1), "siglip": (0.2, 0.4)}, corrupted=0.5)
    }
    monkeypatch.setattr(studies, "recorded_studies", lambda: table)
    found = experiments.batch_size_study()
    assert (found.settings, found.seeds, found.infonce_rates) == ((64,), 2, (1e-3,))
    assert found.infonce == pytest.approx((0.2,))
    assert found.infonce_error == pytest.approx((0.1,))  # |0.3 − 0.1|/√2, over √2
    assert found.difference == pytest.approx((0.15,))
    assert found.difference_error == pytest.approx((0.05,))
    noise = experiments.caption_noise_study()
    assert noise.settings == (0.0, 0.5)
    assert noise.siglip == pytest.approx((0.35, 0.3))
    with pytest.raises(ValueError, match=r"measure must be one of logit_scale, .*, got 'seed'"):
        experiments.batch_size_study("seed")


def test_the_recorded_table_is_complete_and_says_where_it_comes_from():
    table = experiments.recorded_studies()
    assert set(table) >= {"generator", "versions", "machine", "threads", "runs"}
    found = experiments.batch_size_study()
    assert len(found.settings) >= 3
    assert found.seeds >= 5
    for study in (experiments.caption_noise_study(), experiments.temperature_study()):
        assert study.seeds >= 3


def test_tuned_rates_are_those_that_the_study_used():
    found = experiments.batch_size_study()
    for loss, rates in (("infonce", found.infonce_rates), ("siglip", found.siglip_rates)):
        for size, rate in zip(found.settings, rates, strict=True):
            tuned = experiments.tuned_rates(loss, int(size))
            assert tuned.best == rate
            assert tuned.rates[0] < rate < tuned.rates[-1]  # the search was wide enough


@pytest.mark.slow
def test_a_recorded_run_repeats(one_thread):
    again = experiments.batch_size_rerun()
    assert again.held_out_r1 == pytest.approx(again.recorded_held_out_r1, abs=0.03)
    assert again.logit_scale == pytest.approx(again.recorded_logit_scale, rel=0.02)
