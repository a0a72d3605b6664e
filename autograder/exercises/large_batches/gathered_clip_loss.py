"""One rank's share of the loss over the batches of all ranks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import pairs
from autograder.observers import FunctionObserver
from course_lib import contrastive

Loss = Callable[[Tensor, Tensor, Tensor, contrastive.Group], Tensor]


def sharded(world: int, shard: int, dim: int, logit_scale: float, **more: float) -> CaseSpec:
    """A batch of pairs, cut into equal shards, one for each rank: [world, shard, dim]."""
    whole = pairs(world * shard, dim, logit_scale)

    def make(rng: np.random.Generator) -> dict[str, Any]:
        inputs = {
            name: value.reshape(world, shard, dim) if value.ndim else value
            for name, value in whole.make(rng).items()
        }
        return inputs | {name: np.array(value) for name, value in more.items()}

    return case(f"{world} ranks of {shard} pairs", make)


asked = Exercise(
    "large_batches.gathered_clip_loss",
    title="One batch over several processes",
    minutes=15,
    skills=["distributed training", "autograd", "labels"],
    reference=contrastive.gathered_clip_loss,
    observer=FunctionObserver(outputs=("loss (mean over the ranks)",), called_by="ranks"),
    groups={"value": 1, "gradient": 2},
    cases=[sharded(2, 2, 3, 3.0), sharded(3, 2, 4, 6.0), sharded(4, 3, 3, 4.0)],
    hints=[
        "Two questions. In which column of this rank's logits does the text of its first image stand? And who has to "
        "know how a feature of yours did as a negative on another rank?",
        "A torch.autograd.Function: forward gathers, backward reduce-scatters, since every rank used a copy of your "
        "features and your gradient is the sum over all copies. Then n rows and n columns of logits against all N, and "
        "labels from rank · n on.",
        "class AllGather(torch.autograd.Function): forward returns group.all_gather(tensor), backward returns "
        "group.reduce_scatter(gradient), None. everyone = AllGather.apply(features, group).flatten(0, 1).",
    ],
    follow_up="Which of the two mistakes, labels or gradients, would the training loss have shown?",
)


class _AllGather(torch.autograd.Function):
    """An all-gather with a backward pass that can be chosen."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, group: Any, backward: Callable[[Tensor, Any], Tensor]) -> Tensor:
        ctx.group, ctx.way_back = group, backward
        return group.all_gather(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return ctx.way_back(gradients[0], ctx.group), None, None


def _summed(gradient: Tensor, group: Any) -> Tensor:
    return group.reduce_scatter(gradient)


def _gather(tensor: Tensor, group: Any, backward: Callable[[Tensor, Any], Tensor] = _summed) -> Tensor:
    return _AllGather.apply(tensor, group, backward).flatten(0, 1)


def _local(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    all_images: Tensor,
    all_texts: Tensor,
    first: int,
) -> Tensor:
    """The loss of this rank's rows and columns; the first pair stands at `first`."""
    labels = torch.arange(len(image_features)) + first
    rows, columns = logit_scale * image_features @ all_texts.T, logit_scale * text_features @ all_images.T
    return (cross_entropy(rows, labels) + cross_entropy(columns, labels)) / 2


def _own_back(tensor: Tensor, group: Any) -> Tensor:
    """The common idiom: gather without gradients, and put the own tensor, which has them, back in its place."""
    everyone = list(group.all_gather(tensor))
    everyone[group.rank] = tensor
    return torch.cat(everyone)


@asked.misconception(
    "the gradients of other ranks are dropped",
    says="Each rank takes the loss of the whole batch, but only its own features carry gradients. Averaged over the W "
    "ranks, the features' gradients are W times too small, and the scale's is right.",
    asks="Every rank's loss depends on your features. How do the other ranks' gradients come back to you?",
    source="open_clip#616, tevatron#30",
)
def dropped(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = _own_back(image_features, group), _own_back(text_features, group)
    return contrastive.clip_loss(images, texts, logit_scale)


@asked.misconception(
    "other ranks' use of your features is forgotten",
    says="Your loss is right. Your features get the gradient of your own rank's loss only, none for what they did as "
    "negatives on the others.",
    asks="Whose logits contain your features? All of them have to send a gradient back.",
)
def local_only(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = _own_back(image_features, group), _own_back(text_features, group)
    return _local(image_features, text_features, logit_scale, images, texts, group.rank * len(image_features))


@asked.misconception(
    "the gather's backward keeps its own slice",
    says="Your backward returns what this rank sends to its own features, and throws away what the others send.",
    asks="Every rank has a gradient for every copy. Which of them belong to your features?",
    same_as="local_only: the slice of the own rank is the gradient of the own loss",
)
def own_slice(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = (
        _gather(x, group, lambda gradient, group: gradient[group.rank])
        for x in (image_features, text_features)
    )
    return _local(image_features, text_features, logit_scale, images, texts, group.rank * len(image_features))


@asked.misconception(
    "everything gathered is cut off",
    says="Your loss is right. Gradients flow only through the rows' and columns' own features; what was gathered, your "
    "own copy included, is a constant.",
    asks="Does group.all_gather return something that can be differentiated?",
)
def cut_off(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = (group.all_gather(x).flatten(0, 1) for x in (image_features, text_features))
    return _local(image_features, text_features, logit_scale, images, texts, group.rank * len(image_features))


@asked.misconception(
    "only gathered features are used",
    says="Your loss is right. It is computed from what was gathered alone, which has no graph, so no feature gets any "
    "gradient at all.",
    asks="Which tensors in your loss lead back to the encoder of this rank?",
)
def gathered_alone(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = (group.all_gather(x).flatten(0, 1) for x in (image_features, text_features))
    return contrastive.clip_loss(images, texts, logit_scale)


@asked.misconception(
    "the gather's backward sums over the shards",
    says="Your backward adds up this rank's gradients for the features of all ranks, and sends nothing to anybody.",
    asks="You hold a gradient for rank 1's features. Who needs it?",
)
def over_shards(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = (
        _gather(x, group, lambda gradient, group: gradient.sum(dim=0))
        for x in (image_features, text_features)
    )
    return contrastive.clip_loss(images, texts, logit_scale)


@asked.misconception(
    "the gather's backward averages",
    says="Your backward divides the sum over the ranks by their number; the average over the ranks comes later, and "
    "only once.",
    asks="If W ranks use a copy of your features, is your gradient the sum or the mean of theirs?",
)
def averaged(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = (
        _gather(x, group, lambda gradient, group: group.reduce_scatter(gradient) / group.world_size)
        for x in (image_features, text_features)
    )
    return _local(image_features, text_features, logit_scale, images, texts, group.rank * len(image_features))


@asked.misconception(
    "labels without the rank's offset",
    says="Every rank looks for its pairs in the first columns, which belong to rank 0.",
    asks="In which column of rank 1's logits does the text of its first image stand?",
)
def no_offset(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = _gather(image_features, group), _gather(text_features, group)
    return _local(image_features, text_features, logit_scale, images, texts, 0)


@asked.misconception(
    "the offset is the rank, not its first row",
    says="You shift the labels by one place per rank, but every rank before you has a whole shard of pairs.",
    asks="How many pairs do the ranks before you hold?",
)
def rank_as_offset(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = _gather(image_features, group), _gather(text_features, group)
    return _local(image_features, text_features, logit_scale, images, texts, group.rank)


@asked.misconception(
    "nothing is gathered",
    says="This is the mean of the losses of separate small batches: negatives come from the own rank only.",
    asks="Against how many texts does each of your images compete?",
)
def separate(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    return contrastive.clip_loss(image_features, text_features, logit_scale)


@asked.misconception(
    "one direction only",
    says="Your loss is the image-to-text half.",
    asks="Which logits do this rank's texts need?",
)
def one_direction(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    texts = _gather(text_features, group)
    labels = torch.arange(len(image_features)) + group.rank * len(image_features)
    return cross_entropy(logit_scale * image_features @ texts.T, labels)


@asked.misconception(
    "divided by the whole batch",
    says="You divide this rank's sum by N. The mean over the ranks divides by their number once more.",
    asks="A rank has n rows. What should its mean run over, so that the mean over the ranks is the batch's?",
)
def whole_batch(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any
) -> Tensor:
    return right(image_features, text_features, logit_scale, group) / group.world_size


@asked.also_correct("the loss of the whole batch on every rank")
def everywhere(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    class Everyone(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, local: Tensor) -> Tensor:
            return group.all_gather(local)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Any:
            return group.reduce_scatter(*gradients)

    images, texts = (Everyone.apply(x).reshape(-1, x.shape[1]) for x in (image_features, text_features))
    logits = logit_scale * images @ texts.T
    return (logits.logsumexp(1) / 2 + logits.logsumexp(0) / 2 - logits.diagonal()).mean()


@asked.also_correct("rows and columns, with labels")
def with_labels(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    images, texts = _gather(image_features, group), _gather(text_features, group)
    labels = torch.arange(len(image_features)) + len(image_features) * group.rank
    rows = torch.log_softmax(logit_scale * (image_features @ texts.T), dim=1)
    columns = torch.log_softmax(logit_scale * (text_features @ images.T), dim=1)
    return -(rows + columns).gather(1, labels[:, None]).mean() / 2


@asked.also_correct("both towers in one exchange")
def one_exchange(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: Any) -> Tensor:
    both = _AllGather.apply(torch.stack([image_features, text_features]), group, _summed)
    images, texts = both.transpose(0, 1).flatten(1, 2)
    n = len(image_features)
    rows = logit_scale * image_features @ texts.T
    columns = logit_scale * images @ text_features.T
    positives = rows.diagonal(group.rank * n)
    return (rows.logsumexp(dim=1) + columns.logsumexp(dim=0) - 2 * positives).sum() / (2 * n)
