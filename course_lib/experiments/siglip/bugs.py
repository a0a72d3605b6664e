"""The function that "Spot the bugs" prints, and what a training run shows of it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize


def loss_with_three_bugs(
    image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    """The bias beside the cosine, labels of 0 and 1, and a mean over all pairs."""
    images, texts = normalize(image_embeddings, dim=1), normalize(text_embeddings, dim=1)
    logits = log_scale.exp() * (images @ texts.T + logit_bias)
    labels = torch.eye(len(logits), dtype=logits.dtype)
    return -logsigmoid(labels * logits).mean()
