"""What lesson 05 shows beside the recorded studies measures what the lesson says."""

import math

import numpy as np
import pytest
import torch

from course_lib import contrastive
from course_lib.contrastive import Epoch
from course_lib.experiments import mini_clip as experiments
from course_lib.experiments.mini_clip import live


@pytest.fixture(scope="module")
def models():
    return {
        "InfoNCE": contrastive.load_mini_clip("infonce"),
        "SigLIP": contrastive.load_mini_clip("siglip"),
    }


def test_a_snapshot_is_what_the_shipped_model_is_measured_by(models):
    epoch = Epoch(1, 1720, 0.5, 20.0, None, 1e-3)
    seen = experiments.snapshot(epoch, models["InfoNCE"])
    assert seen[:2] == (0.5, 20.0)
    assert tuple(seen[2:]) == tuple(experiments.same_candidates("infonce"))
    assert len(live.sample()) == live.WATCHED == 191
    assert np.isin(live.sample(), experiments.emoji_tensors().train).all()


def test_with_equally_many_candidates_new_concepts_are_harder_than_a_new_style():
    same = experiments.same_candidates("infonce")
    assert same.trained > same.other_vendor > same.held_out > 10 / 191
    assert same.held_out == pytest.approx(experiments.retrieval("infonce").held_out, abs=1e-6)


def test_boards_hold_a_softmax_or_independent_probabilities(models):
    boards = experiments.boards(models)
    for task, by_model in boards.items():
        infonce, siglip = by_model["InfoNCE"], by_model["SigLIP"]
        assert np.allclose(infonce.probabilities.sum(axis=1), 1, atol=1e-4)
        assert ((siglip.probabilities > 0) & (siglip.probabilities < 1)).all()
        assert abs(siglip.probabilities.sum(axis=1) - 1).max() > 0.1
        for board in (infonce, siglip):
            assert board.probabilities.shape == (len(board.names), len(board.candidates))
            assert (board.candidate_images is None) == ("group" in task)


def test_the_boards_agree_with_the_measurements_of_the_lesson(models):
    board = experiments.boards(models)["its group, by an ensemble of five"]["InfoNCE"]
    accuracy = (board.probabilities.argmax(axis=1) == board.right).mean()
    assert accuracy == pytest.approx(experiments.zero_shot("group", "infonce").ensemble, abs=1e-6)


def test_probabilities_are_those_of_the_models_own_loss(models):
    similarity = torch.tensor([[0.5, 0.1], [0.0, 0.3]])
    model = models["SigLIP"]
    logits = model.logit_scale() * similarity + model.logit_bias
    got = experiments.probabilities_of(model, similarity)
    assert torch.allclose(got, torch.sigmoid(logits))
    assert not got.requires_grad


def test_counting_identical_pictures_as_right_can_only_help():
    found = experiments.false_negatives("infonce")
    assert found.any_right_caption >= found.labelled
    assert found.any_right_caption - found.labelled <= found.repeating / found.pictures
    assert (found.pictures, found.repeating) == (1720, 32)


def test_the_buggy_script_is_wrong_in_three_ways_and_its_loss_falls_all_the_same():
    bugs = experiments.silent_bugs(steps=(0, 100))
    assert bugs.buggy_losses[0] == bugs.right_losses[0]
    assert bugs.right_losses[1] < bugs.buggy_losses[1] < bugs.buggy_losses[0] / 2
    assert bugs.chance == math.log(32)
    assert bugs.buggy_scales[1] < bugs.right_scales[1] / 2


def test_in_one_step_without_decay_the_script_is_the_trainer():
    start = [torch.eye(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64), torch.tensor(0.3).double()]
    batch = torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # One step, no decay, far from the limit: none of the three bugs shows.
    buggy = experiments.train_with_three_bugs(*start, batch, batch.flip(2), 0.1, 0.0)
    trainer = contrastive.Trainer(*start, 0.1)
    trainer.step(batch[0], batch[0].flip(1))
    assert torch.allclose(buggy[0], trainer.image_weight.detach())
    assert torch.allclose(buggy[2], trainer.log_scale.detach())
