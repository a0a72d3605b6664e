"""The zero-shot classifier against a loop, its laws, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import zero_shot_accuracy, zero_shot_classifier, zero_shot_probabilities

LABELS = torch.tensor([0, 1, 1, 2])


def by_loop(prompts):
    rows = []
    for of_class in prompts.tolist():
        units = [[x / sum(y * y for y in prompt) ** 0.5 for x in prompt] for prompt in of_class]
        mean = [sum(column) / len(units) for column in zip(*units, strict=True)]
        rows.append([x / sum(y * y for y in mean) ** 0.5 for x in mean])
    return rows


@given(st.integers(1, 4), st.integers(1, 5), st.integers(2, 6), st.integers(0, 10**6))
@settings(deadline=None)
def test_equals_a_loop(classes, prompts, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(classes, prompts, dim, generator=generator, dtype=torch.float64)
    np.testing.assert_allclose(zero_shot_classifier(embeddings).numpy(), by_loop(embeddings), atol=1e-9)


def test_neither_lengths_nor_order_nor_repetition_of_prompts_matter(randn, assert_close):
    prompts = randn(3, 4, 5)
    expected = zero_shot_classifier(prompts)
    lengths = torch.tensor([1.0, 7.0, 0.01, 100.0], dtype=torch.float64)[:, None]
    assert_close(zero_shot_classifier(prompts * lengths), expected)
    assert_close(zero_shot_classifier(prompts[:, [2, 0, 3, 1]]), expected)
    assert_close(zero_shot_classifier(prompts.repeat(1, 3, 1)), expected)


def test_one_prompt_is_its_own_direction_and_rows_have_length_one(randn, assert_close):
    prompts = randn(3, 1, 5)
    assert_close(zero_shot_classifier(prompts), prompts[:, 0] / prompts[:, 0].norm(dim=1, keepdim=True))
    assert_close(zero_shot_classifier(randn(3, 4, 5)).norm(dim=1), torch.ones(3, dtype=torch.float64))


def test_gradients(randn):
    assert torch.autograd.gradcheck(zero_shot_classifier, randn(2, 3, 4).requires_grad_())


def test_probabilities_are_the_softmax_and_the_scale_changes_no_answer(random_pairs, assert_close):
    images, weights = random_pairs(6, 4)
    mild, sharp = (zero_shot_probabilities(images, weights[:3], scale) for scale in (1.0, 50.0))
    exponentials = torch.exp(images @ weights[:3].T)
    assert_close(mild, exponentials / exponentials.sum(dim=1, keepdim=True))
    assert torch.equal(mild.argmax(dim=1), sharp.argmax(dim=1))
    assert (sharp.amax(dim=1) > mild.amax(dim=1)).all()


def test_accuracy_counts_and_ignores_nothing():
    weights = torch.eye(3)
    images = torch.eye(3)[[0, 1, 2, 2]]
    assert zero_shot_accuracy(images, weights, LABELS) == 0.75
    assert zero_shot_accuracy(images, weights, LABELS.flip(0)) == 0.25


@pytest.mark.parametrize(
    ("embeddings", "kind", "message"),
    [
        (np.ones((2, 2, 2)), TypeError, r"prompt_embeddings must be a torch\.Tensor"),
        (torch.ones(2, 2), ValueError, r"must have 3 axes, \[classes, prompts, dim\], got 2 axes"),
        (
            torch.ones(2, 2, 2).long(),
            TypeError,
            r"must be torch\.float32 or torch\.float64, got torch\.int64",
        ),
        (torch.ones(2, 0, 2), ValueError, r"must not be empty, got shape \[2, 0, 2\]"),
        (torch.full((1, 1, 2), torch.nan), ValueError, "must be finite, got nan"),
    ],
)
def test_bad_prompts(embeddings, kind, message):
    with pytest.raises(kind, match=message):
        zero_shot_classifier(embeddings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_weights": torch.ones(3, 2)}, r"class_weights must have the width of image_features"),
        ({"class_weights": torch.eye(3).double()}, "class_weights must have the dtype of image_features"),
        ({"labels": LABELS.int()}, r"labels must be torch\.int64, got torch\.int32"),
        ({"labels": LABELS[:2]}, r"labels must have one entry for each image: expected \[4\], got \[2\]"),
        ({"labels": LABELS + 1}, "labels must lie between 0 and 2, got 3"),
        ({"labels": LABELS - 1}, "labels must lie between 0 and 2, got -1"),
        ({"labels": [0, 1, 1, 2]}, r"labels must be a torch\.Tensor, got list"),
    ],
)
def test_bad_arguments_of_accuracy(changes, message):
    good = {"image_features": torch.ones(4, 3), "class_weights": torch.eye(3), "labels": LABELS}
    with pytest.raises((TypeError, ValueError), match=message):
        zero_shot_accuracy(**{**good, **changes})


def test_a_scale_that_is_none():
    with pytest.raises(TypeError, match="logit_scale must be a number or a 0-d floating-point tensor"):
        zero_shot_probabilities(torch.eye(2), torch.eye(2), None)
