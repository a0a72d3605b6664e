"""A big batch in pieces, exactly."""

import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise
from autograder.exercises.ingredients import pairs
from course_lib import contrastive


def _pieces(batch: int, micro_batch_size: int) -> CaseSpec:
    whole = pairs(batch, 4, 6.0)
    return CaseSpec(
        f"{batch} pairs in micro-batches of {micro_batch_size}",
        lambda rng: {**whole.make(rng), "micro_batch_size": micro_batch_size},
    )


asked = Exercise(
    "infonce.accumulated_loss",
    title="A big batch in pieces",
    minutes=12,
    skills=["log-sum-exp", "gradient accumulation"],
    reference=contrastive.accumulated_loss,
    outputs=["loss"],
    gradients_of=["image_features", "text_features", "logit_scale"],
    groups={"value": 1, "gradient": 1},
    cases=[_pieces(4, 2), _pieces(7, 3), _pieces(5, 8)],
    write_yourself=["course_lib.contrastive.infonce:clip_loss"],
    stretch=True,
    hints=[
        "A block of images against *all* texts gives complete rows. What is incomplete are the columns.",
        "Per block [m, N]: row log-sum-exps are final; column log-sum-exps are to be merged with those of the "
        "blocks before (torch.logaddexp). The positives stand on a shifted diagonal.",
        "For start in range(0, N, m): block = scale * images[start:start+m] @ texts.T; positives = "
        "block.diagonal(start); columns = torch.logaddexp(columns, block.logsumexp(0)).",
    ],
    follow_up="Autograd keeps every block for the backward pass. How would you save that memory too? (Lesson 04)",
)


@asked.misconception(
    "the average of the micro-batches' losses",
    says="Your loss is the mean of the losses of separate small batches: pairs of different pieces never meet.",
    asks="How many negatives does each image see in a micro-batch, and how many in the whole batch?",
)
def averaged(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, micro_batch_size: int
) -> Tensor:
    return contrastive.mean_of_micro_batch_losses(
        image_features, text_features, logit_scale, micro_batch_size
    )


@asked.misconception(
    "the last, smaller piece is dropped",
    says="You use only as many pairs as fill whole micro-batches.",
    asks="What does your loop do when the batch is no multiple of the micro-batch?",
)
def last_dropped(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, micro_batch_size: int
) -> Tensor:
    kept = len(image_features) // micro_batch_size * micro_batch_size or len(image_features)
    return contrastive.clip_loss(image_features[:kept], text_features[:kept], logit_scale)


@asked.misconception(
    "images against all texts, texts against one piece",
    says="Your image-to-text half is exact; in the other half each text competes only within its own block.",
    asks="Over which images does the softmax of a column run, and are they all in one block?",
)
def columns_per_piece(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, micro_batch_size: int
) -> Tensor:
    exact = contrastive.image_to_text_loss(image_features, text_features, logit_scale)
    size, batch = micro_batch_size, len(image_features)
    pieces = [
        contrastive.text_to_image_loss(image_features[i : i + size], text_features[i : i + size], logit_scale)
        * len(image_features[i : i + size])
        for i in range(0, batch, size)
    ]
    return (exact + torch.stack(pieces).sum() / batch) / 2


@asked.misconception(
    "pieces weighted by size, but still separate",
    says="Your weights are right for a smaller last piece, yet negatives from other pieces are missing.",
    asks="Which entries of the N×N logits does your loop never compute?",
)
def weighted(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, micro_batch_size: int
) -> Tensor:
    size, batch = micro_batch_size, len(image_features)
    pieces = [
        contrastive.clip_loss(image_features[i : i + size], text_features[i : i + size], logit_scale)
        * len(image_features[i : i + size])
        for i in range(0, batch, size)
    ]
    return torch.stack(pieces).sum() / batch


@asked.also_correct("two passes, one for each direction")
def two_passes(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, micro_batch_size: int
) -> Tensor:
    def half(queries: Tensor, keys: Tensor) -> Tensor:
        total = queries.new_zeros(())
        for start in range(0, len(queries), micro_batch_size):
            block = logit_scale * queries[start : start + micro_batch_size] @ keys.T
            total = total + (block.logsumexp(1) - block.diagonal(start)).sum()
        return total / len(queries)

    return (half(image_features, text_features) + half(text_features, image_features)) / 2


@asked.also_correct("column blocks stacked at the end")
def stacked(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, micro_batch_size: int
) -> Tensor:
    blocks = [logit_scale * piece @ text_features.T for piece in image_features.split(micro_batch_size)]
    rows = torch.cat([block.logsumexp(1) for block in blocks])
    columns = torch.stack([block.logsumexp(0) for block in blocks]).logsumexp(0)
    positives = logit_scale * (image_features * text_features).sum(1)
    return ((rows + columns) / 2 - positives).mean()
