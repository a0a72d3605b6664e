"""Training a mini-CLIP: batches, augmentation, AdamW with a cosine schedule, and what happened on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.contrastive.augmentation import Augmentation, augment_images, drop_words
from course_lib.contrastive.corruption import corrupt_pairs
from course_lib.contrastive.infonce import clip_loss
from course_lib.contrastive.mini_clip import WIDTHS, Loss, MiniClip, check_loss, new_mini_clip
from course_lib.contrastive.siglip import siglip_loss
from course_lib.validate import (
    check_array,
    check_int,
    check_matrix,
    check_not_negative,
    check_positive,
    check_share,
)


class Epoch(NamedTuple):
    """One line of a training history. An epoch is as many samples as there are pairs."""

    epoch: int  # from 1
    samples: int  # seen so far
    loss: float  # mean over the epoch's batches, in nats
    logit_scale: float
    logit_bias: float | None  # of SigLIP
    learning_rate: float  # at the epoch's last step


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
    widths: Sequence[int] = WIDTHS,
    seed: int = 0,
    on_epoch: Callable[[Epoch, MiniClip], None] | None = None,
) -> Trained:
    """Train both towers, the scale and for SigLIP the bias, on pairs given as arrays.

    Parameters
    ----------
    images : Tensor, shape [num_pairs, 3, 32, 32], float32
        As `image_tensor` makes them.
    bags : Tensor, shape [num_pairs, num_words], float32
        Bags of the captions' words; row i belongs to image i.
    loss : {"infonce", "siglip"}, default "infonce"
        `clip_loss` or `siglip_loss`.
    batch_size : int, from 2 to num_pairs, default 128
        Pairs in a batch.
    samples_seen : int, default 51,600
        Training makes samples_seen // batch_size steps; the default is 30 epochs of the emoji.
    learning_rate : float, default 2e-3
        Of the towers, at its peak: warmed up linearly, then half a cosine down to 0.
    scale_learning_rate : float, optional
        Of log(1/τ) and b; 10 times ``learning_rate`` by default, for they are two numbers with few steps to
        go far. 0 keeps both where they start.
    temperature : float, optional
        τ at the start: 0.07, or 0.1 for SigLIP.
    weight_decay : float, default 0.1
        Of matrices and filters; the scale, the bias and the gains of the norms are not decayed.
    warmup : float, default 0.1
        Share of the steps.
    augmentation : Augmentation or None, default Augmentation()
        None shows every picture and caption unchanged.
    may_flip : Tensor of bool, shape [num_pairs], optional
        Which pictures may be mirrored. By default none: a mirrored arrow has another caption.
    corrupted : float, from 0 to 1, default 0
        Share of the pairs whose captions change places once, before training: see `corrupt_pairs`.
    norm_size : int, optional
        Pictures that batch normalisation averages over. By default the batch; a fixed number makes it the
        same for every batch size, as on devices that each hold so many.
    widths : four ints, default (32, 64, 128, 128)
        Channels of the image tower's convolutions: half as many are three times as fast.
    seed : int, default 0
        Of weights, batches, augmentation and corruption.
    on_epoch : callable, optional
        Called after every epoch with its `Epoch` and the model, which it may evaluate.

    Returns
    -------
    Trained
        The model in evaluation mode, and one `Epoch` after another.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit each other, or a setting is outside its range.

    Notes
    -----
    The same arguments give the same model, bit by bit, on one thread of one kind of processor. The scale is
    clamped to 100 after each step, not inside the graph: see `LearnableScale`.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 2.5 (AdamW, cosine, scale); Zhai et al. 2023,
    arXiv:2303.15343 (the bias).

    Examples
    --------
    >>> images, bags = torch.rand(8, 3, 32, 32), torch.eye(8)
    >>> trained = train_mini_clip(images, bags, batch_size=4, samples_seen=16)
    >>> [epoch.samples for epoch in trained.history]
    [8, 16]
    """
    check_array("images", images, ("num_pairs", "3", "32", "32"))
    check_matrix("bags", bags, ("num_pairs", "num_words"))
    check_loss(loss)
    num_pairs = len(images)
    if len(bags) != num_pairs:
        raise ValueError(f"bags must have one row for each of the {num_pairs} images, got {len(bags)}.")
    check_int("batch_size", batch_size, low=2, high=num_pairs)
    check_int("samples_seen", samples_seen, low=batch_size)
    check_positive("learning_rate", learning_rate)
    if scale_learning_rate is None:
        scale_learning_rate = 10 * learning_rate
    check_not_negative("scale_learning_rate", scale_learning_rate)
    check_not_negative("weight_decay", weight_decay)
    check_share("warmup", warmup)
    if norm_size is None:
        norm_size = batch_size
    check_int("norm_size", norm_size, low=1)
    check_int("seed", seed, low=0)
    generator = torch.Generator().manual_seed(seed)
    bags = bags[corrupt_pairs(num_pairs, corrupted, seed)]
    model = new_mini_clip(bags.shape[1], loss, batch_size, temperature=temperature, widths=widths, seed=seed)
    # Channels last is a fifth faster on CPUs; torch's type stubs do not know the argument.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
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
        losses.append(_step(model, optimizer, batch_images, batch_bags, norm_size))
        samples = (step + 1) * batch_size
        if samples // num_pairs > len(history) or step + 1 == steps:
            mean = sum(losses) / len(losses)
            scale, bias = model.scale_and_bias()
            history.append(Epoch(len(history) + 1, samples, mean, scale, bias, share * learning_rate))
            losses.clear()
            if on_epoch is not None:
                on_epoch(history[-1], model)
                model.train()
    return Trained(model.eval(), tuple(history))


def _step(
    model: MiniClip,
    optimizer: torch.optim.Optimizer,
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
