"""Fine-tuning the image tower of the shipped mini-CLIP, on its own numbers or with rounding in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from course_lib import contrastive, quantization
from course_lib.contrastive import Augmentation, MiniClip, augment_images, clip_loss
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import evaluate

#: Pictures that the observers watch before training.
CALIBRATION = 512
BATCH_SIZE = 128
Optimizer = Literal["adam", "sgd"]


class Recall(NamedTuple):
    """Recall at 1, the mean of both directions: 1,720 candidates twice, then 191."""

    seen: float
    other_vendor: float
    held_out: float


class Tuned(NamedTuple):
    """What fine-tuning left: the tower as it was trained, and the loss of every step."""

    tower: nn.Module
    losses: tuple[float, ...]


def recall_with(tower: nn.Module) -> Recall:
    """Evaluate the shipped model with another image tower; texts are encoded as ever."""
    model = shipped()
    model.image_tower = tower.eval()  # type: ignore[assignment]  # any tower will do
    found = evaluate(model)
    return Recall(found.train_r1, found.other_r1, found.held_out_r1)


def prepared(tower: nn.Module, bits: int, steps: quantization.Steps = "minmax") -> nn.Module:
    """Prepare a tower with weights and activations on ``bits`` bits, and calibrate it."""
    model = quantization.prepare_qat(tower, bits, bits, steps=steps)
    quantization.calibrate(model, calibration())
    return model


def post_training(tower: nn.Module, bits: int, steps: quantization.Steps = "minmax") -> nn.Module:
    """Quantize a tower without training: prepared, calibrated and converted."""
    return quantization.convert(prepared(tower, bits, steps))


def tune(
    tower: nn.Module,
    *,
    steps: int,
    seed: int,
    learning_rate: float,
    optimizer: Optimizer = "adam",
    decay: bool = True,
    after_step: Callable[[int, list[float], nn.Module], None] | None = None,
) -> Tuned:
    """Train an image tower further, in place, against the frozen texts of the shipped model.

    Pictures are augmented as in the first training. The rate falls along half a cosine to 0, unless ``decay``
    is False. Observers, where there are any, follow the first half and rest in the second.
    """
    emoji, model = emoji_tensors(), shipped()
    with torch.no_grad():
        texts = model.encode_text(emoji.bags[emoji.train])
        scale = model.logit_scale()
    pictures, may_flip = emoji.noto[emoji.train], emoji.may_flip[emoji.train]
    generator = torch.Generator().manual_seed(seed)
    parameters = list(tower.parameters())
    chosen: torch.optim.Optimizer
    if optimizer == "adam":
        chosen = torch.optim.Adam(parameters, lr=learning_rate, betas=(0.9, 0.98))
    else:
        chosen = torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9)
    layers = [layer for layer in tower.modules() if isinstance(layer, quantization.QATLayer)]
    losses: list[float] = []
    order = torch.empty(0, dtype=torch.int64)
    tower.train()
    for step in range(steps):
        for layer in layers:
            layer.observing = step < steps // 2
        if decay:
            for group in chosen.param_groups:
                group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        if len(order) < BATCH_SIZE:
            order = torch.randperm(len(pictures), generator=generator)
        rows, order = order[:BATCH_SIZE], order[BATCH_SIZE:]
        images = augment_images(pictures[rows], Augmentation(), generator, may_flip[rows])
        images = images.contiguous(memory_format=torch.channels_last)
        loss = clip_loss(contrastive.l2_normalize(tower(images)), texts[rows], scale)
        chosen.zero_grad()
        loss.backward()
        chosen.step()
        losses.append(float(loss.detach()))
        if after_step is not None:
            after_step(step, losses, tower)
    return Tuned(tower.eval(), tuple(losses))


def renew_statistics(tower: nn.Module) -> None:
    """Measure batch normalisation's running statistics anew, as plain means over the training pictures."""
    norms = [one for one in tower.modules() if isinstance(one, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    tower.train()
    emoji = emoji_tensors()
    with torch.no_grad():
        for batch in emoji.noto[emoji.train].split(BATCH_SIZE):
            tower(batch)
    tower.eval()


def shipped() -> MiniClip:
    """The InfoNCE model of lesson 05, loaded anew."""
    return contrastive.load_mini_clip()


def calibration() -> list[Tensor]:
    """Training pictures in batches, as they are."""
    emoji = emoji_tensors()
    return list(emoji.noto[emoji.train[:CALIBRATION]].split(BATCH_SIZE))
