"""Small trainings: two linear maps from emoji descriptors into one space, for seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.emoji_descriptors import descriptors
from course_lib.experiments.siglip.printed import SCALE, Loss, loss_as_printed

DIM = 64


class Towers(NamedTuple):
    """Two linear maps, a scale and a bias."""

    image_map: Tensor
    text_map: Tensor
    log_scale: Tensor
    logit_bias: Tensor

    def features(self, images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Unit features of both kinds."""
        normalize = contrastive.l2_normalize
        return normalize(images @ self.image_map), normalize(texts @ self.text_map)

    def held_out_logits(self) -> Tensor:
        """Logits of all held-out pictures with all held-out captions."""
        data = descriptors()
        with torch.no_grad():
            images, texts = self.features(data.held_out_images, data.held_out_texts)
            return self.log_scale.exp() * images @ texts.T + self.logit_bias


def infonce(images: Tensor, texts: Tensor, logit_scale: float | Tensor, logit_bias: float | Tensor) -> Tensor:
    """The loss of lesson 01, which has no use for a bias."""
    return contrastive.clip_loss(images, texts, logit_scale)


def train(
    loss_of: Loss,
    bias: float,
    batch: int,
    steps: int,
    seed: int,
    rate: float = 1e-2,
    watch: Callable[[int, Towers, float], None] = lambda step, towers, loss: None,
) -> Towers:
    """Train both maps, the log-scale (from log 10) and the bias with Adam; `watch` sees every step."""
    data, generator = descriptors(), torch.Generator().manual_seed(seed)
    image_map, text_map = (
        torch.randn(x.shape[1], DIM, generator=generator) / math.sqrt(x.shape[1])
        for x in (data.train_images, data.train_texts)
    )
    towers = Towers(image_map, text_map, torch.tensor(math.log(SCALE)), torch.tensor(float(bias)))
    optimizer = torch.optim.Adam([part.requires_grad_() for part in towers], lr=rate)
    order = torch.empty(0, dtype=torch.long)
    for step in range(steps + 1):
        if len(order) < batch:
            order = torch.randperm(len(data.train_images), generator=generator)
        rows, order = order[:batch], order[batch:]
        features = towers.features(data.train_images[rows], data.train_texts[rows])
        loss = loss_of(*features, towers.log_scale.exp(), towers.logit_bias)
        watch(step, towers, float(loss.detach()))
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return towers


def recall_of(towers: Towers) -> float:
    """Recall at 1 of held-out pictures among 191 captions."""
    return float(contrastive.recall_at_k(towers.held_out_logits(), 1))


class BiasTraining(NamedTuple):
    """Held-out recall at 1 along trainings that differ in where the bias starts, or stands."""

    steps: tuple[int, ...]
    from_zero: tuple[float, ...]
    from_minus_ten: tuple[float, ...]
    from_best: tuple[float, ...]
    as_printed: tuple[float, ...]
    spread: dict[str, tuple[float, ...]]
    final_bias: dict[str, float]
    first_loss: dict[str, float]
    last_loss: dict[str, float]
    best_bias: float


def bias_training(
    steps: Sequence[int] = (25, 50, 100, 200, 400, 800), batch: int = 128, seeds: Sequence[int] = (0, 1, 2)
) -> BiasTraining:
    """Train from b = 0, −10 and b*, and with the printed formula from −10: mean and sd over the seeds."""
    best = contrastive.initial_bias(batch)
    variants: dict[str, tuple[Loss, float]] = {
        "from_zero": (contrastive.siglip_loss, 0.0),
        "from_minus_ten": (contrastive.siglip_loss, -10.0),
        "from_best": (contrastive.siglip_loss, best),
        "as_printed": (loss_as_printed, -10.0),
    }
    means, spreads, biases, first, last = {}, {}, {}, {}, {}
    for name, (loss_of, start) in variants.items():
        recalls: dict[int, list[float]] = {step: [] for step in steps}
        losses: dict[int, list[float]] = {0: [], max(steps): []}

        def watch(
            step: int,
            towers: Towers,
            loss: float,
            recalls: dict[int, list[float]] = recalls,
            losses: dict[int, list[float]] = losses,
        ) -> None:
            if step in recalls:
                recalls[step].append(recall_of(towers))
            if step in losses:
                losses[step].append(loss)

        trained = [train(loss_of, start, batch, max(steps), seed, watch=watch) for seed in seeds]
        means[name] = tuple(mean(runs) for runs in recalls.values())
        spreads[name] = tuple(stdev(runs) if len(runs) > 1 else 0.0 for runs in recalls.values())
        biases[name] = mean(float(towers.logit_bias.detach()) for towers in trained)
        first[name], last[name] = (mean(runs) for runs in losses.values())
    return BiasTraining(
        tuple(steps),
        **means,
        spread=spreads,
        final_bias=biases,
        first_loss=first,
        last_loss=last,
        best_bias=best,
    )


class TwoLosses(NamedTuple):
    """Held-out recall at 1 of InfoNCE and of the sigmoid loss, after equally many samples."""

    batches: tuple[int, ...]
    infonce: tuple[float, ...]
    infonce_spread: tuple[float, ...]
    sigmoid: tuple[float, ...]
    sigmoid_spread: tuple[float, ...]


def two_losses(
    batches: Sequence[int] = (16, 256), epochs: int = 8, seeds: Sequence[int] = (0, 1, 2, 3)
) -> TwoLosses:
    """Train with both losses on the same samples, in batches of several sizes: mean and sd over the seeds."""
    pairs = len(descriptors().train_images)
    columns = []
    for batch in batches:
        row = []
        for loss_of in (infonce, contrastive.siglip_loss):
            recalls = [
                recall_of(
                    train(
                        loss_of,
                        contrastive.initial_bias(batch),
                        batch,
                        epochs * pairs // batch,
                        seed,
                        rate=3e-3,
                    )
                )
                for seed in seeds
            ]
            row += [mean(recalls), stdev(recalls)]
        columns.append(row)
    return TwoLosses(tuple(batches), *(tuple(column) for column in zip(*columns, strict=True)))
