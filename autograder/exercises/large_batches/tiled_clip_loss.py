"""The whole loss with a backward pass of its own."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise
from autograder.exercises.large_batches.tile_statistics import tiles
from autograder.observers import FunctionObserver
from course_lib import contrastive

Loss = Callable[[Tensor, Tensor, Tensor, int], Tensor]
_INPUTS = ("image_features", "text_features", "logit_scale")

asked = Exercise(
    "large_batches.tiled_clip_loss",
    title="The loss with its own backward",
    minutes=10,
    skills=["autograd", "tiling", "memory"],
    reference=contrastive.tiled_clip_loss,
    observer=FunctionObserver(outputs=("loss",), gradients_of=_INPUTS, room="room"),
    groups={"value": 1, "gradient": 1, "memory": 1},
    cases=[tiles(3, 2, 2.0), tiles(4, 2, 8.0), tiles(5, 9, 5.0), tiles(60, 10, 5.0, 2, "memory", room=5000)],
    write_yourself=[
        "course_lib.contrastive.infonce:clip_loss",
        "course_lib.contrastive.accumulation:accumulated_loss",
    ],
    hints=[
        "torch.autograd.Function is a forward and a backward that you write. What must the forward save, and what does "
        "the backward get?",
        "forward(ctx, images, texts, scale, tile): the statistics, the positives, ctx.save_for_backward of five tensors, "
        "the loss. backward(ctx, upstream): the three gradients, and None for the tile, which has none.",
        "In the backward: contrastive.tile_gradients(*ctx.saved_tensors, upstream, ctx.tile) in the right order, then "
        "return images, texts, scale, None. Call the class by .apply(...).",
    ],
    follow_up="Can this loss be differentiated twice? What would have to be tiled for that?",
)


def _with_backward(
    forward: Callable[[Tensor, Tensor, Tensor], Tensor],
    backward: Callable[..., tuple[Tensor | None, ...]],
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """A loss whose gradient is written by hand, rightly or wrongly."""

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: Tensor) -> Tensor:
            ctx.save_for_backward(*given)
            return forward(*given)

        @staticmethod
        def backward(ctx: Any, *upstream: Tensor) -> Any:
            return backward(*ctx.saved_tensors, upstream[0])

    return Loss.apply


def _gradients(images: Tensor, texts: Tensor, scale: Tensor, upstream: Any, tile: int) -> tuple[Tensor, ...]:
    rows, columns = contrastive.tile_statistics(images, texts, scale, tile)
    return contrastive.tile_gradients(images, texts, scale, rows, columns, upstream, tile)


def _exact(tile: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The value of the loss; no graph is recorded inside a forward."""
    return lambda images, texts, scale: contrastive.accumulated_loss(images, texts, scale, tile)


@asked.misconception(
    "the upstream gradient is forgotten",
    says="Your gradients are those of the loss alone. They are wrong as soon as it is multiplied or added to anything.",
    asks="What does your backward do with the gradient that it is given?",
)
def no_upstream(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    apply = _with_backward(_exact(tile), lambda i, t, s, upstream: _gradients(i, t, s, 1.0, tile))
    return apply(image_features, text_features, logit_scale)


@asked.misconception(
    "the upstream gradient is applied twice",
    says="Your gradients are multiplied by the upstream gradient once too often.",
    asks="Does tile_gradients already take upstream into account?",
)
def upstream_twice(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    apply = _with_backward(
        _exact(tile), lambda i, t, s, upstream: _gradients(i, t, s, upstream * upstream, tile)
    )
    return apply(image_features, text_features, logit_scale)


@asked.misconception(
    "the scale gets no gradient",
    says="Your loss and the features' gradients are right; a learnable scale would never move.",
    asks="What does your backward return in the place of logit_scale?",
)
def no_scale(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    apply = _with_backward(
        _exact(tile), lambda i, t, s, upstream: (*_gradients(i, t, s, upstream, tile)[:2], None)
    )
    return apply(image_features, text_features, logit_scale)


@asked.misconception(
    "the gradients are returned in the wrong order",
    says="The images get the texts' gradient, and the texts the images'.",
    asks="In which order does backward have to return its gradients?",
)
def exchanged(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    def backward(i: Tensor, t: Tensor, s: Tensor, upstream: Tensor) -> tuple[Tensor, ...]:
        images, texts, scale = _gradients(i, t, s, upstream, tile)
        return texts, images, scale

    return _with_backward(_exact(tile), backward)(image_features, text_features, logit_scale)


@asked.misconception(
    "recomputed with a stale maximum",
    says="Your loss is right. Your backward takes exponentials relative to the maxima of the first tiles, and divides "
    "by sums that are relative to the final ones.",
    asks="Which maximum do the sums that you have saved belong to?",
)
def stale_maximum(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    def backward(i: Tensor, t: Tensor, s: Tensor, upstream: Tensor) -> tuple[Tensor, ...]:
        rows, columns = contrastive.tile_statistics(i, t, s, tile)
        logits = s * i @ t.T
        rows = rows + logits[:, :tile].amax(dim=1) - logits.amax(dim=1)
        columns = columns + logits[:tile].amax(dim=0) - logits.amax(dim=0)
        return contrastive.tile_gradients(i, t, s, rows, columns, upstream, tile)

    return _with_backward(_exact(tile), backward)(image_features, text_features, logit_scale)


@asked.misconception(
    "one direction only",
    says="Your loss and its gradients are those of the image-to-text half.",
    asks="Where do the columns' log-sum-exps enter the loss?",
)
def one_direction(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    return contrastive.image_to_text_loss(image_features, text_features, logit_scale)


@asked.misconception(
    "the average of the tiles on the diagonal",
    says="Your loss is the mean of the losses of separate small batches: pairs of different tiles never meet.",
    asks="How many negatives does each image see?",
)
def averaged(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    return contrastive.mean_of_micro_batch_losses(image_features, text_features, logit_scale, tile)


@asked.misconception(
    "the positives are missing",
    says="Your value is the mean log-sum-exp: nothing rewards the pairs.",
    asks="What is subtracted from (r_i + c_i)/2?",
)
def no_positives(
    right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int
) -> Tensor:
    positives = logit_scale * (image_features * text_features).sum(dim=1)
    return right(image_features, text_features, logit_scale, tile) + positives.mean()


@asked.misconception(
    "autograd keeps every tile",
    says="Your numbers are right, and one tile exists at a time in the forward pass. But autograd keeps what every "
    "tile needs for the backward pass, and that is the whole matrix again.",
    asks="Who wrote the backward pass of your loss?",
)
def kept(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    return contrastive.accumulated_loss(image_features, text_features, logit_scale, tile)


@asked.misconception(
    "all logits at once",
    says="Your numbers are right, but you build the N×N matrix.",
    asks="What is the largest tensor in your function?",
    same_as="kept: the numbers are right, and the memory is that of the matrix",
)
def whole(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    return contrastive.clip_loss(image_features, text_features, logit_scale)


@asked.also_correct("an autograd function around the two passes")
def two_passes(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    class Tiled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
            rows, columns = contrastive.tile_statistics(images, texts, scale, tile)
            ctx.save_for_backward(images, texts, scale, rows, columns)
            return ((rows + columns) / 2 - scale * (images * texts).sum(dim=1)).mean()

        @staticmethod
        def backward(ctx: Any, *upstream: Tensor) -> Any:
            images, texts, scale, rows, columns = ctx.saved_tensors
            gradients = contrastive.tile_gradients(images, texts, scale, rows, columns, upstream[0], tile)
            return gradients.image_features, gradients.text_features, gradients.logit_scale

    return Tiled.apply(image_features, text_features, logit_scale)


@asked.also_correct("gradients taken in the forward pass, and scaled in the backward one")
def early(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Tensor:
    class Early(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
            known = contrastive.tile_statistics(images, texts, scale, tile)
            one = torch.ones_like(scale)
            ctx.save_for_backward(*contrastive.tile_gradients(images, texts, scale, *known, one, tile))
            positives = torch.einsum("id,id->i", images, texts) * scale
            return (known.rows - positives).mean() / 2 + (known.columns - positives).mean() / 2

        @staticmethod
        def backward(ctx: Any, *upstream: Tensor) -> Any:
            return tuple(upstream[0] * gradient for gradient in ctx.saved_tensors)

    return Early.apply(image_features, text_features, logit_scale)
