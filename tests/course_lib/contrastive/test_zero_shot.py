"""The zero-shot classifier against a loop, and the laws of an ensemble."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import zero_shot_classifier

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(2, 5))  # on a line, prompts may cancel


def prompts_of(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(sizes, generator=generator, dtype=torch.float64)


@given(SIZES, st.integers(0, 10**6))
@settings(deadline=None)
def test_equals_a_loop(sizes, seed):
    prompts = prompts_of(sizes, seed)
    for row, of_class in zip(zero_shot_classifier(prompts), prompts, strict=True):
        total = sum(one / one.norm() for one in of_class)
        assert torch.allclose(row, total / total.norm(), atol=1e-9)


@given(SIZES, st.integers(0, 10**6))
@settings(deadline=None)
def test_lengths_and_order_of_prompts_do_not_matter(sizes, seed):
    prompts = prompts_of(sizes, seed)
    stretched = prompts * torch.linspace(0.1, 7, sizes[1], dtype=torch.float64)[:, None]
    assert torch.allclose(zero_shot_classifier(prompts), zero_shot_classifier(stretched.flip(1)), atol=1e-9)


def test_one_prompt_is_that_prompt():
    prompts = prompts_of((3, 1, 4), 0)
    assert torch.allclose(zero_shot_classifier(prompts), torch.nn.functional.normalize(prompts[:, 0]))


def test_averaging_logits_is_the_mean_without_the_second_normalisation():
    prompts, images = torch.nn.functional.normalize(prompts_of((3, 4, 5), 1), dim=2), prompts_of((2, 5), 2)
    averaged = torch.einsum("nd,cpd->ncp", images, prompts).mean(dim=2)
    lengths = prompts.mean(dim=1).norm(dim=1)
    assert torch.allclose(averaged, images @ zero_shot_classifier(prompts).T * lengths)


def test_gradients(randn):
    assert torch.autograd.gradcheck(zero_shot_classifier, randn(2, 3, 4).requires_grad_())


@pytest.mark.parametrize(
    ("prompts", "kind", "message"),
    [
        (
            torch.ones(2, 3),
            ValueError,
            r"prompt_embeddings must have 3 axes, \[num_classes, num_prompts, dim\]",
        ),
        (torch.ones(2, 0, 3), ValueError, "prompt_embeddings must not be empty"),
        (torch.ones(2, 2, 3).long(), TypeError, "prompt_embeddings must be torch.float32 or torch.float64"),
        (torch.full((1, 1, 1), float("nan")), ValueError, r"prompt_embeddings must be finite, got nan"),
        ([[[1.0]]], TypeError, "prompt_embeddings must be a torch.Tensor, got list"),
    ],
)
def test_bad_inputs(prompts, kind, message):
    with pytest.raises(kind, match=message):
        zero_shot_classifier(prompts)
