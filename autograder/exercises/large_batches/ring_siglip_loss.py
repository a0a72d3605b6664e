"""The sigmoid loss round a ring of ranks."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from autograder.exercise import Exercise
from autograder.exercises.large_batches.gathered_clip_loss import sharded
from autograder.observers import FunctionObserver
from course_lib import contrastive

asked = Exercise(
    "large_batches.ring_siglip_loss",
    title="Round a ring",
    minutes=15,
    skills=["distributed training", "sigmoid loss"],
    reference=contrastive.ring_siglip_loss,
    observer=FunctionObserver(outputs=("loss (mean over the ranks)",), called_by="ranks"),
    groups={"value": 1, "gradient": 1},
    cases=[sharded(world, 2, 3, 4.0, logit_bias=-2.0) for world in (2, 3, 4)],
    stretch=True,
    hints=[
        "Your images stay, the texts travel. Which blocks of the N×N matrix has a rank seen after W − 1 exchanges?",
        "First block: your own texts, labels +1 on the diagonal and −1 elsewhere. Every later block: texts of another "
        "rank, all labels −1. Sum −log σ(z·(scale·cosines + bias)) over all blocks, and divide by your n images.",
        "for step in range(group.world_size): if step: texts = group.shift(texts); then the block's logits, its labels, "
        "and total = total − logsigmoid(labels * logits).sum().",
    ],
    follow_up="Why can the softmax not do this with one exchange per step and nothing carried along?",
)


def _ring(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    group: Any,
    *,
    steps: Any = None,
    positives: Any = (0,),
    cut: bool = False,
    bias_outside: bool = False,
) -> Tensor:
    """The ring with one thing or another changed: visited steps, steps with positives, gradients."""
    visited = range(group.world_size) if steps is None else steps
    total, texts = image_features.new_zeros(()), text_features
    for step in range(max(visited, default=0) + 1):
        if step:
            texts = group.shift(texts.detach() if cut else texts)
        if step not in visited:
            continue
        cosines = image_features @ texts.T
        labels = -torch.ones_like(cosines)
        if step in positives:
            labels = labels + 2 * torch.eye(len(cosines), dtype=cosines.dtype)
        z_logits = (
            labels * logit_scale * cosines + logit_bias
            if bias_outside
            else labels * (logit_scale * cosines + logit_bias)
        )
        total = total - logsigmoid(z_logits).sum()
    return total / len(image_features)


@asked.misconception(
    "positives in every block",
    says="You put +1 on the diagonal of every block, as if your images matched texts of each rank.",
    asks="In which block do your images meet their own texts?",
)
def positives_everywhere(group: Any, **given: Any) -> Tensor:
    return _ring(**given, group=group, positives=range(group.world_size))


@asked.misconception(
    "no positives at all",
    says="All your labels are −1.",
    asks="What is z_ii?",
)
def no_positives(**given: Any) -> Tensor:
    return _ring(**given, positives=())


@asked.misconception(
    "the last exchange is missing",
    says="Your images never meet the texts of one rank.",
    asks="After how many exchanges have the texts of all W ranks passed by?",
)
def last_missing(group: Any, **given: Any) -> Tensor:
    return _ring(**given, group=group, steps=range(max(1, group.world_size - 1)))


@asked.misconception(
    "the last exchange is missing when the number of ranks is even",
    says="It is right for an odd number of ranks. With an even one, the rank opposite is never met.",
    asks="With exchanges in both directions at once, what is left over when W is even?",
)
def even_missing(group: Any, **given: Any) -> Tensor:
    w = group.world_size
    return _ring(**given, group=group, steps=[step for step in range(w) if w % 2 or step != w // 2])


@asked.misconception(
    "the last exchange is missing when the number of ranks is odd",
    says="It is right for an even number of ranks. With an odd one, one rank is never met.",
    asks="What does your count of exchanges round down?",
)
def odd_missing(group: Any, **given: Any) -> Tensor:
    return _ring(**given, group=group, steps=range(group.world_size // 2 * 2))


@asked.misconception(
    "once too often round the ring",
    says="After W exchanges your own texts are back, and you count them again, as negatives.",
    asks="Whose texts do you hold after W exchanges?",
)
def once_too_often(group: Any, **given: Any) -> Tensor:
    return _ring(**given, group=group, steps=range(group.world_size + 1))


@asked.misconception(
    "nothing is exchanged",
    says="Your negatives come from your own rank only.",
    asks="How many texts does each of your images meet?",
)
def own_block(**given: Any) -> Tensor:
    return _ring(**given, steps=(0,))


@asked.misconception(
    "the texts that travel carry no gradient",
    says="Your loss is right, but the texts get no gradient from other ranks' images.",
    asks="Is there a detach, or a clone without a graph, before the shift?",
)
def cut_off(**given: Any) -> Tensor:
    return _ring(**given, cut=True)


@asked.misconception(
    "the bias stands outside the sign",
    says="You multiply only the cosine by z, as the source prints it.",
    asks="What does z multiply in the sigmoid loss of lesson 03?",
)
def bias_outside(**given: Any) -> Tensor:
    return _ring(**given, bias_outside=True)


@asked.misconception(
    "divided by the whole batch",
    says="You divide by N; the mean over the ranks divides by their number once more.",
    asks="How many images does a rank hold?",
)
def whole_batch(right: Any, group: Any, **given: Any) -> Tensor:
    return right(**given, group=group) / group.world_size


@asked.misconception(
    "the mean over all pairs",
    says="You average over the N texts as well; the sigmoid loss sums over them.",
    asks="Which of the two sums of the loss is divided by N?",
)
def mean_over_pairs(right: Any, image_features: Tensor, group: Any, **given: Any) -> Tensor:
    loss = right(image_features=image_features, group=group, **given)
    return loss / (group.world_size * len(image_features))


@asked.also_correct("the own block first, then the others")
def own_first(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, group: Any
) -> Tensor:
    def logits(texts: Tensor) -> Tensor:
        return logit_scale * image_features @ texts.T + logit_bias

    own = logits(text_features)
    # −log σ(x) = −log σ(−x) − x: all as negatives, then the positives put right.
    total = -logsigmoid(-own).sum() - own.diagonal().sum()
    travelling = text_features
    for _ in range(group.world_size - 1):
        travelling = group.shift(travelling)
        total = total - logsigmoid(-logits(travelling)).sum()
    return total / len(image_features)


@asked.also_correct("the images travel")
def images_travel(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, group: Any
) -> Tensor:
    blocks, images = [], image_features
    for step in range(group.world_size):
        labels = torch.full((len(images), len(images)), -1.0, dtype=images.dtype)
        if step == 0:
            labels.fill_diagonal_(1.0)
        blocks.append(
            torch.nn.functional.logsigmoid(labels * (logit_scale * images @ text_features.T + logit_bias))
        )
        if step + 1 < group.world_size:
            images = group.shift(images)
    return -torch.stack(blocks).sum() / len(text_features)
