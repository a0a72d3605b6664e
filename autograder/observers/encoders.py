"""Run an answer that trains encoders: they are built here, from a case's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional


def call(answer: Callable[..., Any], given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What the answer returns, and what it leaves in the ``.grad`` of all weights.

    Parameters
    ----------
    answer : callable
        ``(image_encoder, text_encoder, images, texts, loss_fn, chunk_size)``, which takes one training step's
        gradients. ``loss_fn(image_features, text_features)`` is symmetric InfoNCE at a scale of its own.
    given : dict
        ``images``, ``texts``: [batch, width]; ``image_weights``, ``text_weights``: [layers, width, width];
        ``image_dropout``, ``text_dropout``: probabilities, drawn from torch's generator; ``logit_scale``:
        0-d; ``chunk_size``.
    """
    image_weights, text_weights, logit_scale = (
        given[name].detach().clone().requires_grad_()
        for name in ("image_weights", "text_weights", "logit_scale")
    )

    def loss_fn(image_features: torch.Tensor, text_features: torch.Tensor) -> torch.Tensor:
        logits = logit_scale * image_features @ text_features.T
        labels = torch.arange(len(logits))
        return (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.T, labels)) / 2

    torch.rand(1)  # as in the middle of a training: whoever seeds the generator draws other numbers
    loss = answer(
        image_encoder=_encoder(image_weights, given["image_dropout"]),
        text_encoder=_encoder(text_weights, given["text_dropout"]),
        images=given["images"],
        texts=given["texts"],
        loss_fn=loss_fn,
        chunk_size=given["chunk_size"],
    )
    leaves = {
        "the image encoder's weights": image_weights,
        "the text encoder's weights": text_weights,
        "logit_scale": logit_scale,
    }
    return loss, {
        name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for name, leaf in leaves.items()
    }


def _encoder(weights: torch.Tensor, dropout: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def encoder(inputs: torch.Tensor) -> torch.Tensor:
        hidden = inputs
        for weight in weights[:-1]:
            hidden = (hidden @ weight).tanh()
        if dropout:  # otherwise nothing is drawn: the order in which two towers are encoded is free
            hidden = hidden * (torch.rand(hidden.shape) >= dropout) / (1 - dropout)
        return functional.normalize(hidden @ weights[-1], dim=1)

    return encoder
