"""The image tower of the mini-CLIP on few bits: quantized, trained for a minute, and folded."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from course_lib import contrastive, quantization
from course_lib.contrastive import Augmentation, augment_images, clip_loss
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.live import recall, sample
from course_lib.experiments.quantization_aware.literal import layer_gradients, literally
from course_lib.experiments.quantization_aware.tuning import (
    BATCH_SIZE,
    Recall,
    prepared,
    recall_with,
    renew_statistics,
    shipped,
    tune,
)
from course_lib.quantization.qat import qat_layers


class PostTraining(NamedTuple):
    """Recall at 1 without any training, by bits of weights and activations."""

    bits: tuple[int, ...]
    full: Recall  # 32 bits
    quantized: tuple[Recall, ...]
    renewed: tuple[Recall, ...]  # after measuring batch normalisation's statistics anew
    zeros: tuple[float, ...]  # share of the weights whose code is 0


def post_training_table(bits: Sequence[int] = (8, 4, 3, 2)) -> PostTraining:
    """Quantize the shipped tower to fewer and fewer bits."""
    tower = shipped().image_tower
    plain, renewed, zeros = [], [], []
    for b in bits:
        model = prepared(tower, b)
        integer = quantization.convert(model)
        plain.append(recall_with(integer))
        codes = [
            one.codes.flatten() for one in integer.modules() if isinstance(one, quantization.IntegerLayer)
        ]
        zeros.append(float((torch.cat(codes) == 0).double().mean()))
        renew_statistics(model)
        renewed.append(recall_with(quantization.convert(model)))
    return PostTraining(tuple(bits), recall_with(tower), tuple(plain), tuple(renewed), tuple(zeros))


class LiveEpoch(NamedTuple):
    """One epoch of fine-tuning; recall at 1 of the integer model among 191 candidates."""

    loss: float
    trained: float
    other_vendor: float
    held_out: float


class Watched(NamedTuple):
    """Recall at 1 of the integer model, before and after."""

    before: Recall
    after: Recall
    losses: tuple[float, ...]


def train_aware(
    bits: int = 3,
    epochs: int = 4,
    *,
    seed: int = 0,
    on_epoch: Callable[[LiveEpoch], None] | None = None,
) -> Watched:
    """Fine-tune the image tower with rounding in it, and convert it."""
    each = len(emoji_tensors().train) // BATCH_SIZE
    start = prepared(shipped().image_tower, bits)
    before = recall_with(quantization.convert(start))

    def after_step(step: int, losses: list[float], tower: nn.Module) -> None:
        if (step + 1) % each == 0 and on_epoch is not None:
            on_epoch(_live(tower, sum(losses[-each:]) / each))

    tuned = tune(
        start.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        steps=epochs * each,
        seed=seed,
        learning_rate=1e-3,
        after_step=after_step,
    )
    return Watched(before, recall_with(quantization.convert(tuned.tower)), tuned.losses)


class Folding(NamedTuple):
    """What folding batch normalisation does to the codes of the first convolution."""

    per_channel: float  # share of the codes that change, apart from signs
    per_tensor: float
    turned: int  # channels whose codes change sign
    float_error: float  # largest difference of the folded tower's features, before rounding
    converted_error: float  # median difference of the integer tower's features from the prepared one's


def folding(bits: int = 4) -> Folding:
    """Quantize the first convolution before and after folding, with scales of two kinds."""
    tower: Any = shipped().image_tower
    conv, norm = tower[0], tower[1]
    arguments = (norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps)
    weight = conv.weight.detach()
    folded, bias = (part.detach() for part in quantization.fold_batch_norm(conv.weight, None, *arguments))
    ends = quantization.code_range(bits, narrow=True)
    changed = []
    for quantize in (quantization.quantize_per_channel, quantization.quantize_per_tensor):
        before, after = (quantize(one, *ends, symmetric=True).codes.abs() for one in (weight, folded))
        changed.append(float((before != after).double().mean()))
    images = emoji_tensors().noto[:64]
    with torch.no_grad():
        plain = tower[:2](images)
        once = nn.functional.conv2d(images, folded, bias, conv.stride, conv.padding)
        model = prepared(tower, bits).eval()
        features = model(images)
        integer = quantization.convert(model)(images)
    return Folding(
        changed[0],
        changed[1],
        int((norm.weight < 0).sum()),
        float((plain - once).abs().max() / plain.abs().max()),
        float((features - integer).abs().median() / features.abs().median()),
    )


class Travel(NamedTuple):
    """How far a few steps of Adam move each layer's weight, printed gradient over the one meant."""

    bits: int
    ratio: tuple[float, ...]  # from the input to the output


def adam_travel(bits: int = 8, steps: int = 6, seed: int = 0) -> Travel:
    """Does Adam, which divides by the gradient's size, undo what the printed formula leaves out?"""
    start = prepared(shipped().image_tower, bits)
    moved = []
    for tower in (copy.deepcopy(start), literally(start)):
        tune(tower, steps=steps, seed=seed, learning_rate=1e-4, decay=False)
        pairs = zip(qat_layers(tower), qat_layers(start), strict=True)
        moved.append([float((one.core.weight - other.core.weight).detach().norm()) for one, other in pairs])
    return Travel(bits, tuple(literal / meant for meant, literal in zip(*moved, strict=True)))


class Layers(NamedTuple):
    """Norms of the gradients of the layers' weights, from the input to the output, in one batch."""

    bits: int
    meant: tuple[float, ...]
    literal: tuple[float, ...]
    ratio: tuple[float, ...]
    log10_ratio: tuple[float, ...]
    activation_steps: tuple[float, ...]


def printed_gradients(bits: int = 3, seed: int = 0) -> Layers:
    """One backward pass through the tower, with the gradient as meant and as printed."""
    emoji, model = emoji_tensors(), shipped()
    generator = torch.Generator().manual_seed(seed)
    rows = emoji.train[:BATCH_SIZE]
    images = augment_images(emoji.noto[rows], Augmentation(), generator, emoji.may_flip[rows])
    with torch.no_grad():
        texts, scale = model.encode_text(emoji.bags[rows]), model.logit_scale()
    start = prepared(model.image_tower, bits)
    norms = []
    for tower in (start, literally(start)):
        tower.train()
        clip_loss(contrastive.l2_normalize(tower(images)), texts, scale).backward()
        norms.append(layer_gradients(tower))
    steps = [float(layer.observer.qparams().scale) for layer in qat_layers(start)]
    ratio = [literal / meant for meant, literal in zip(*norms, strict=True)]
    logarithms = tuple(math.log10(one) for one in ratio)
    return Layers(bits, tuple(norms[0]), tuple(norms[1]), tuple(ratio), logarithms, tuple(steps))


def _live(tower: nn.Module, loss: float) -> LiveEpoch:
    model = shipped()
    model.image_tower = copy.deepcopy(tower)  # type: ignore[assignment]  # whose mode `recall` changes
    model.eval()
    emoji = emoji_tensors()
    return LiveEpoch(
        loss,
        recall(model, "noto", sample()),
        recall(model, "twemoji", sample()),
        recall(model, "noto", emoji.held_out),
    )
