"""The modality gap: before and after training, at fixed temperatures, and what closing it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from course_lib import contrastive
from course_lib.contrastive import EncodedPair, Loss, MiniClip
from course_lib.data import Vendor
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import evaluate
from course_lib.experiments.mini_clip.study import NORM_SIZE, WIDTHS
from course_lib.experiments.mini_clip.training import train


class Gap(NamedTuple):
    """The gap between the centres of held-out features, and the share of all variance it makes up."""

    untrained: float
    trained: float
    untrained_share: float
    trained_share: float


def gap(loss: Loss = "infonce") -> Gap:
    """The modality gap of held-out emoji, at initialisation and with the shipped weights."""
    emoji = emoji_tensors()
    before = contrastive.new_mini_clip(len(emoji.vocabulary.words), loss).eval()
    features = [held_out_features(model) for model in (before, contrastive.load_mini_clip(loss))]
    gaps = [float(contrastive.modality_gap(*pair)) for pair in features]
    shares = [float(contrastive.modality_share(*pair)) for pair in features]
    return Gap(*gaps, *shares)


class ShiftedGap(NamedTuple):
    """What happens when the texts are moved towards the images, by a share of the gap."""

    moved: tuple[float, ...]
    gaps: tuple[float, ...]
    image_to_text_r1: tuple[float, ...]
    text_to_image_r1: tuple[float, ...]
    losses: tuple[float, ...]  # at the model's own scale


def shifted_gap(loss: Loss = "infonce", moved: Sequence[float] = (-1, -0.5, 0, 0.5, 1, 1.5)) -> ShiftedGap:
    """Move all held-out text features along the gap and normalise them again, as Liang et al. 2022 did."""
    model = contrastive.load_mini_clip(loss)
    images, texts = held_out_features(model)
    direction = images.mean(dim=0) - texts.mean(dim=0)
    gaps, to_text, to_image, losses = [], [], [], []
    for share in moved:
        shifted = contrastive.l2_normalize(texts + share * direction)
        report = contrastive.retrieval_report(images, shifted, ks=(1,))
        gaps.append(float(contrastive.modality_gap(images, shifted)))
        to_text.append(float(report.image_to_text_recall))
        to_image.append(float(report.text_to_image_recall))
        losses.append(float(contrastive.clip_loss(images, shifted, model.logit_scale().detach())))
    return ShiftedGap(tuple(moved), tuple(gaps), tuple(to_text), tuple(to_image), tuple(losses))


class FixedTemperature(NamedTuple):
    """One short training whose temperature was not learned."""

    temperature: float
    seed: int
    gap: float
    share: float
    train_r1: float
    held_out_r1: float
    held_out_rank: float


def fixed_temperature(temperature: float, seed: int = 0, samples_seen: int = 17_200) -> FixedTemperature:
    """Train InfoNCE with τ held fixed, for ten epochs by default, and measure the gap of held-out emoji."""
    trained = train(
        "infonce",
        temperature=temperature,
        scale_learning_rate=0.0,
        samples_seen=samples_seen,
        norm_size=NORM_SIZE,
        widths=WIDTHS,
        seed=seed,
    )
    features, found = held_out_features(trained.model), evaluate(trained.model)
    return FixedTemperature(
        temperature,
        seed,
        float(contrastive.modality_gap(*features)),
        float(contrastive.modality_share(*features)),
        found.train_r1,
        found.held_out_r1,
        found.held_out_rank,
    )


def held_out_features(model: MiniClip, vendor: Vendor = "noto") -> EncodedPair:
    """Features of the 191 held-out emoji."""
    emoji = emoji_tensors()
    return contrastive.encode(model, emoji.images(vendor)[emoji.held_out], emoji.bags[emoji.held_out])
