"""Training a mini-CLIP: batches, augmentation, AdamW with a cosine schedule, and what happened on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from course_lib.contrastive.augmentation import Augmentation, augment_images, drop_words
from course_lib.contrastive.infonce import clip_loss
from course_lib.contrastive.mini_clip import Loss, MiniClip, check_loss
from course_lib.contrastive.siglip import siglip_loss
from course_lib.contrastive.siglip_bias import initial_bias
from course_lib.validate import check_array, check_int, check_matrix


class Epoch(NamedTuple):
    """One line of a training history. An epoch is as many samples as there are pairs."""

    epoch: int
    samples: int
    loss: float
    logit_scale: float
    logit_bias: float | None
    learning_rate: float


class Trained(NamedTuple):
    """A trained model, in evaluation mode, and its history."""

    model: MiniClip
    history: tuple[Epoch, ...]


def train_mini_clip(
    images: Float[Tensor, "num_pairs 3 32 32"],
    bags: Float[Tensor, "num_pairs num_words"],
    *,
    loss: Loss = "infonce",
    batch_size: int = 128,
    samples_seen: int = 51_600,
    learning_rate: float = 2e-3,
    scale_learning_rate: float | None = None,
    temperature: float | None = None,
    weight_decay: float = 0.1,
    warmup: float = 0.1,
    augmentation: Augmentation | None = Augmentation(),  # noqa: B008 (immutable)
    may_flip: Bool[Tensor, " num_pairs"] | None = None,
    corrupted: float = 0.0,
    norm_size: int | None = None,
    seed: int = 0,
    on_epoch: Callable[[Epoch, MiniClip], None] | None = None,
) -> Trained:
    """Train both towers, the scale and for SigLIP the bias, on pairs given as arrays."""
    check_array("images", images, ("num_pairs", "3", "32", "32"))
    check_matrix("bags", bags, ("num_pairs", "num_words"))
    check_loss(loss)
    num_pairs = len(images)
    if len(bags) != num_pairs:
        raise ValueError(f"bags must have one row for each of the {num_pairs} images, got {len(bags)}.")
    check_int("batch_size", batch_size, low=2, high=num_pairs)
    check_int("samples_seen", samples_seen, low=batch_size)
    check_int("seed", seed, low=0)
    generator = torch.Generator().manual_seed(seed)
    bags = bags[corrupt_pairs(num_pairs, corrupted, seed)]
    model = new_mini_clip(bags.shape[1], loss, batch_size, temperature=temperature, seed=seed)
    # Channels last is a fifth faster on CPUs; torch's type stubs do not know the argument.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    if scale_learning_rate is None:
        scale_learning_rate = 10 * learning_rate
    optimizer = torch.optim.AdamW(
        _parameter_groups(model, learning_rate, scale_learning_rate, weight_decay),
        betas=(0.9, 0.98),
        fused=True,
    )
    steps = samples_seen // batch_size
    history: list[Epoch] = []
    losses: list[float] = []
    for step, rows in enumerate(_batches(num_pairs, batch_size, steps, generator)):
        share = _schedule(step, steps, warmup)
        for group in optimizer.param_groups:
            group["lr"] = share * group["peak"]
        batch_images, batch_bags = images[rows], bags[rows]
        if augmentation is not None:
            flips = None if may_flip is None else may_flip[rows]
            batch_images = augment_images(batch_images, augmentation, generator, flips)
            batch_bags = drop_words(batch_bags, augmentation.drop_words, generator)
        losses.append(_step(model, optimizer, loss, batch_images, batch_bags, norm_size or batch_size))
        samples = (step + 1) * batch_size
        if samples // num_pairs > len(history) or step + 1 == steps:
            bias = None if model.logit_bias is None else float(model.logit_bias.detach())
            scale = float(model.logit_scale().detach())
            mean = sum(losses) / len(losses)
            history.append(Epoch(len(history) + 1, samples, mean, scale, bias, share * learning_rate))
            losses.clear()
            if on_epoch is not None:
                on_epoch(history[-1], model)
                model.train()
    return Trained(model.eval(), tuple(history))


def new_mini_clip(
    num_words: int,
    loss: Loss = "infonce",
    batch_size: int = 128,
    *,
    temperature: float | None = None,
    seed: int = 0,
) -> MiniClip:
    """Make an untrained model as its loss wants it: τ = 0.07, or for SigLIP τ = 0.1 and b = −log(N − 1).

    SigLIP's own b = −10 is that formula at N ≈ 22,000. At N = 128 it starts far too low. Arguments are those
    of `train_mini_clip`.
    """
    check_loss(loss)
    if loss == "siglip":
        bias = initial_bias(batch_size)
        return MiniClip(num_words, temperature=temperature or 0.1, logit_bias=bias, seed=seed)
    return MiniClip(num_words, temperature=temperature or 0.07, seed=seed)


def corrupt_pairs(num_pairs: int, share: float, seed: int = 0) -> Int64[Tensor, " num_pairs"]:
    """For each pair the row of the caption it gets: its own, but for exactly round(share · num_pairs).

    Those captions change places among themselves, along one cycle, so that none of them stays.
    """
    check_int("num_pairs", num_pairs, low=1)
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}.")
    count = round(share * num_pairs)
    if count == 1:
        raise ValueError(
            "share must corrupt no caption or at least two, which change places: "
            f"{share} of {num_pairs} is one."
        )
    order = torch.randperm(num_pairs, generator=torch.Generator().manual_seed(seed))[:count]
    rows = torch.arange(num_pairs)
    rows[order] = order.roll(1)
    return rows


def _step(
    model: MiniClip,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    images: Tensor,
    bags: Tensor,
    norm_size: int,
) -> float:
    images = images.contiguous(memory_format=torch.channels_last)
    image_features = torch.cat([model.encode_image(piece) for piece in images.split(norm_size)])
    features = image_features, model.encode_text(bags)
    if model.logit_bias is None:
        value = clip_loss(*features, model.logit_scale())
    else:
        value = siglip_loss(*features, model.logit_scale(), model.logit_bias)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    model.logit_scale.clamp_()
    return float(value.detach())


def _parameter_groups(
    model: MiniClip, learning_rate: float, scale_learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Decay matrices and filters only: neither the gains of norms nor the scale and bias of the loss."""
    of_loss = [p for p in (model.logit_scale.log_scale, model.logit_bias) if p is not None]
    of_towers = [*model.image_tower.parameters(), *model.text_tower.parameters()]
    groups = [
        ([p for p in of_towers if p.ndim > 1], learning_rate, weight_decay),
        ([p for p in of_towers if p.ndim <= 1], learning_rate, 0.0),
        (of_loss, scale_learning_rate, 0.0),
    ]
    return [{"params": p, "lr": lr, "peak": lr, "weight_decay": decay} for p, lr, decay in groups]


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then half a cosine down to 0."""
    done = (step + 0.5) / steps
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def _batches(num_pairs: int, batch_size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield row numbers: each pass shuffles all pairs and cuts full batches: none holds a pair twice."""
    while True:
        order = torch.randperm(num_pairs, generator=generator)
        for rows in order[: num_pairs // batch_size * batch_size].split(batch_size):
            if steps == 0:
                return
            steps -= 1
            yield rows
