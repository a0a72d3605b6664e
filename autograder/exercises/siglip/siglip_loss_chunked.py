"""The sigmoid loss in blocks."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from autograder.exercise import CaseSpec, Exercise
from autograder.exercises.siglip.siglip_loss import sigmoid_pairs
from course_lib import contrastive

Loss = Callable[[Tensor, Tensor, Tensor, Tensor, int], Tensor]


def _blocks(batch: int, chunk: int) -> CaseSpec:
    whole = sigmoid_pairs(batch, 4, 5.0, -2.0)
    return CaseSpec(f"{batch} pairs in blocks of {chunk}", lambda rng: {**whole.make(rng), "chunk": chunk})


def _sum(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, labels: Tensor) -> Tensor:
    """The cost of one block, not divided by anything."""
    return -logsigmoid(labels * (scale * images @ texts.T + bias)).sum()


def _negatives(images: Tensor, texts: Tensor) -> Tensor:
    return -torch.ones(len(images), len(texts), dtype=images.dtype)


asked = Exercise(
    "siglip.siglip_loss_chunked",
    title="The loss in blocks",
    minutes=13,
    skills=["memory", "blocks", "indices"],
    reference=contrastive.siglip_loss_chunked,
    outputs=["loss"],
    gradients_of=["image_features", "text_features", "logit_scale", "logit_bias"],
    groups={"value": 1, "gradient": 1},
    cases=[_blocks(4, 2), _blocks(7, 3), _blocks(5, 8)],
    write_yourself=["course_lib.contrastive.siglip:siglip_loss"],
    hints=[
        "Every one of the N² costs belongs to exactly one block, and no block needs to know of another. In which "
        "blocks do the positives stand?",
        "Two loops over range(0, N, chunk): a start for the images and one for the texts. All labels of a block are −1, "
        "but for the diagonal of a block whose two starts are equal. Add up sums; divide once, by N.",
        "labels = -torch.ones_like(logits); if row == column: labels.fill_diagonal_(1); total = total - "
        "contrastive.log_sigmoid(labels * logits).sum(); at the end divide by the number of images.",
    ],
    follow_up="With chunk = 1, how many blocks are there, and how many numbers does autograd keep for the backward pass?",
)


@asked.misconception(
    "positives in every block",
    says="Each of your blocks has +1 on its own diagonal, so image 0 is to match text `chunk` as well.",
    asks="When are row r and column c of a block the same pair of the batch?",
)
def diagonal_everywhere(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    total = image_features.new_zeros(())
    for images in image_features.split(chunk):
        for texts in text_features.split(chunk):
            labels = 2 * torch.eye(len(images), len(texts), dtype=images.dtype) - 1
            total = total + _sum(images, texts, logit_scale, logit_bias, labels)
    return total / len(image_features)


@asked.misconception(
    "the diagonal blocks alone",
    says="You add up the losses of separate small batches: pairs of different pieces never meet.",
    asks="How many of the N² combinations does your loop visit?",
)
def micro_batches(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    total = image_features.new_zeros(())
    for images, texts in zip(image_features.split(chunk), text_features.split(chunk), strict=True):
        labels = contrastive.pair_labels(len(images), dtype=images.dtype)
        total = total + _sum(images, texts, logit_scale, logit_bias, labels)
    return total / len(image_features)


@asked.misconception(
    "each block is divided by its own size",
    says="You divide every block's sum by the number of its images, and add up the quotients.",
    asks="By which number is the whole double sum divided, and how often?",
)
def divided_per_block(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    total = image_features.new_zeros(())
    for row, images in enumerate(image_features.split(chunk)):
        for column, texts in enumerate(text_features.split(chunk)):
            labels = _negatives(images, texts)
            if row == column:
                labels.fill_diagonal_(1)
            total = total + _sum(images, texts, logit_scale, logit_bias, labels) / len(images)
    return total


@asked.misconception(
    "a mean of the blocks' means",
    says="You average the entries of each block, and then the blocks.",
    asks="Do all blocks have the same size, and does the formula average over pairs?",
)
def mean_of_blocks(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    means = []
    for row, images in enumerate(image_features.split(chunk)):
        for column, texts in enumerate(text_features.split(chunk)):
            labels = _negatives(images, texts)
            if row == column:
                labels.fill_diagonal_(1)
            means.append(_sum(images, texts, logit_scale, logit_bias, labels) / labels.numel())
    return torch.stack(means).mean()


@asked.misconception(
    "divided by the size of a block",
    says="You divide the sum by `chunk` where the formula has N.",
    asks="How many images does the whole batch have?",
)
def divided_by_chunk(
    right: Loss,
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    chunk: int,
) -> Tensor:
    whole = right(image_features, text_features, logit_scale, logit_bias, chunk)
    return whole * len(image_features) / chunk


@asked.misconception(
    "the diagonal is not shifted",
    says="You take blocks of rows against all texts, and look for the pairs on each block's own diagonal.",
    asks="In which column stands the text of the first image of the second block?",
)
def not_shifted(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    total = image_features.new_zeros(())
    for images in image_features.split(chunk):
        labels = _negatives(images, text_features)
        labels.fill_diagonal_(1)
        total = total + _sum(images, text_features, logit_scale, logit_bias, labels)
    return total / len(image_features)


@asked.misconception(
    "no positives at all",
    says="Every pair of yours is a negative, those on the diagonal too.",
    asks="In which block stands the pair (0, 0), and which label has it?",
)
def all_negative(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    labels = _negatives(image_features, text_features)
    return _sum(image_features, text_features, logit_scale, logit_bias, labels) / len(image_features)


@asked.misconception(
    "the last, smaller piece is dropped",
    says="You use only as many pairs as fill whole blocks.",
    asks="What does your loop do when the batch is no multiple of the block?",
)
def last_dropped(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    kept = len(image_features) // chunk * chunk or len(image_features)
    return contrastive.siglip_loss(image_features[:kept], text_features[:kept], logit_scale, logit_bias)


@asked.misconception(
    "only the blocks on and above the diagonal",
    says="You visit each pair of pieces once, as if image i with text j were the same as image j with text i.",
    asks="Is the matrix of logits symmetric?",
)
def upper_half(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    total = image_features.new_zeros(())
    for row, images in enumerate(image_features.split(chunk)):
        for column, texts in enumerate(text_features.split(chunk)):
            if row <= column:
                labels = _negatives(images, texts)
                if row == column:
                    labels.fill_diagonal_(1)
                total = total + _sum(images, texts, logit_scale, logit_bias, labels)
    return total / len(image_features)


@asked.misconception(
    "the sum is not divided",
    says="Your loss is N times too large: the sum over all pairs.",
    asks="What is left to do after the last block?",
)
def not_divided(
    right: Loss,
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    chunk: int,
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias, chunk) * len(image_features)


@asked.misconception(
    "divided by N²",
    says="Your loss is N times too small: the mean over all pairs.",
    asks="Which number stands in front of the double sum?",
)
def divided_twice(
    right: Loss,
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    chunk: int,
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias, chunk) / len(image_features)


@asked.misconception(
    "the bias stands outside the sign",
    says="In every block your argument is z·scale·s + b: the printed formula, in pieces.",
    asks="Which sign should b have for a negative?",
)
def bias_outside(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    from course_lib.experiments.siglip import loss_as_printed

    return loss_as_printed(image_features, text_features, logit_scale, logit_bias)


@asked.misconception(
    "the running total is cut out of the graph",
    says="Your loss is right, but no gradient reaches anything: the total is a plain number.",
    asks="Is there an .item() or a float() inside the loop?",
)
def total_detached(
    right: Loss,
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    chunk: int,
) -> Tensor:
    return right(image_features, text_features, logit_scale, logit_bias, chunk).detach()


@asked.also_correct("rows of blocks, with a shifted diagonal")
def row_blocks(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    total = image_features.new_zeros(())
    for start in range(0, len(image_features), chunk):
        logits = logit_scale * image_features[start : start + chunk] @ text_features.T + logit_bias
        total = total - logsigmoid(-logits).sum() - logits.diagonal(start).sum()
    return total / len(image_features)


@asked.also_correct("indices compared in each block")
def indices_compared(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    size = len(image_features)
    costs = []
    for i in torch.arange(size).split(chunk):
        for j in torch.arange(size).split(chunk):
            logits = logit_scale * image_features[i] @ text_features[j].T + logit_bias
            signs = torch.where(i[:, None] == j, 1.0, -1.0)
            costs.append(torch.nn.functional.softplus(-signs * logits).sum())
    return torch.stack(costs).sum() / size


@asked.also_correct("summed cross-entropies against slices of the identity")
def cross_entropies(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor, chunk: int
) -> Tensor:
    targets = torch.eye(len(image_features), dtype=image_features.dtype)
    total = 0.0 * logit_bias
    for a in range(0, len(image_features), chunk):
        for b in range(0, len(text_features), chunk):
            rows, columns = slice(a, a + chunk), slice(b, b + chunk)
            logits = image_features[rows] @ text_features[columns].T * logit_scale + logit_bias
            total = total + torch.nn.functional.binary_cross_entropy_with_logits(
                logits, targets[rows, columns], reduction="sum"
            )
    return total / len(image_features)
