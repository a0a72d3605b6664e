"""A batch of any size under the sigmoid loss: who pulls, who pushes, and what that costs."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive import initial_bias, log_sigmoid
from course_lib.validate import check_int, check_scale

#: Random directions in this many dimensions have cosines of a spread of 1/√512 = 0.044.
DIM = 512

#: Points that stand for a normal distribution, at equal steps of probability.
_QUANTILES = torch.special.ndtri((torch.arange(201, dtype=torch.float64) + 0.5) / 201)


@dataclass(frozen=True)
class SiglipState:
    """N pairs whose cosines are spread as those of random directions are, around a mean.

    s_ij of a negative is normal with mean 0 and spread 1/√512; s_ii of a pair has the mean ``alignment``, and
    less spread the better it is aligned. Only the distribution is kept, so that any N costs the same.

    Parameters
    ----------
    batch : int, at least 2
        N.
    logit_bias : float
        b.
    logit_scale : float
        1/τ, already exponentiated.
    alignment : float from −1 to 1
        Mean cosine of a pair: 0 is untrained.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    batch: int
    logit_bias: float
    logit_scale: float = 10.0
    alignment: float = 0.0

    def __post_init__(self) -> None:
        check_int("batch", self.batch, low=2)
        for name in ("logit_bias", "logit_scale", "alignment"):
            check_scale(name, getattr(self, name))
        if not -1 <= self.alignment <= 1:
            raise ValueError(f"alignment must be a cosine, from -1 to 1, got {self.alignment}.")

    @property
    def positive_logits(self) -> Float[Tensor, " quantiles"]:
        """ℓ_ii, without an order: equally likely values."""
        width = math.sqrt((1 - self.alignment**2) / DIM)
        cosines = (self.alignment + width * _QUANTILES).clamp(-1, 1)
        return self.logit_scale * cosines + self.logit_bias

    @property
    def negative_logits(self) -> Float[Tensor, " quantiles"]:
        """ℓ_ij, i ≠ j: equally likely values."""
        return self.logit_scale * _QUANTILES / math.sqrt(DIM) + self.logit_bias

    @property
    def pull(self) -> float:
        """N·|∂L/∂ℓ| of the positive of one image: the mean of σ(−ℓ)."""
        return float(torch.sigmoid(-self.positive_logits).mean())

    @property
    def push(self) -> float:
        """N·|∂L/∂ℓ| of all N − 1 negatives of one image together: (N − 1) times the mean of σ(ℓ)."""
        return (self.batch - 1) * float(torch.sigmoid(self.negative_logits).mean())

    @property
    def positive_share(self) -> float:
        """The positives' part of Σ |∂L/∂ℓ|."""
        return self.pull / (self.pull + self.push)

    @property
    def loss(self) -> float:
        """The sigmoid loss in nats."""
        return float(self.losses(torch.tensor([self.logit_bias], dtype=torch.float64))[0])

    def losses(self, biases: Float[Tensor, " points"]) -> Float[Tensor, " points"]:
        """The loss at other biases, all else equal."""
        moved = (biases - self.logit_bias)[:, None]
        positive = -log_sigmoid(self.positive_logits + moved).mean(dim=1)
        return positive - (self.batch - 1) * log_sigmoid(-(self.negative_logits + moved)).mean(dim=1)

    @property
    def start(self) -> float:
        """b* = −log(N − 1)."""
        return initial_bias(self.batch) + 0.0  # for N = 2 it would be −0
