"""Training on the Noto pictures of the 1,720 training emoji."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib import contrastive
from course_lib.contrastive import Epoch, Loss, MiniClip, Trained
from course_lib.experiments.mini_clip.emoji import emoji_tensors


def train(
    loss: Loss = "infonce",
    *,
    on_epoch: Callable[[Epoch, MiniClip], None] | None = None,
    **settings: Any,
) -> Trained:
    """Train a mini-CLIP on the emoji; ``settings`` are those of `contrastive.train_mini_clip`."""
    emoji = emoji_tensors()
    settings.setdefault("may_flip", emoji.may_flip[emoji.train])
    return contrastive.train_mini_clip(
        emoji.noto[emoji.train], emoji.bags[emoji.train], loss=loss, on_epoch=on_epoch, **settings
    )
