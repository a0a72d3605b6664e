"""One batch of pairs: its similarities, and all that a softmax, a loss and its gradient make of them."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive import (
    clip_loss,
    cosine_similarity,
    grad_wrt_logits,
    l2_normalize,
    log_softmax_rows,
)
from course_lib.figures.pictures import as_pictures
from course_lib.validate import check_int, check_scale, check_square

#: The captions of `softmax_example`. The second is the first one's hard negative.
CAPTIONS = ("cat", "dog", "pizza", "rocket", "umbrella")


class Negative(NamedTuple):
    """A wrong text of the batch, and the probability that the softmax gives it."""

    text: int
    share: float


@dataclass(frozen=True, eq=False)
class SoftmaxState:
    """Everything that the figure of a batch depends on, kept in float64, outside any graph.

    Parameters
    ----------
    similarity : Tensor, shape [batch, batch], float32 or float64
        Cosines s_ij of image i and text j; positives on the diagonal.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.
    captions : tuple of str, optional
        A short name for each pair; "1", "2", ... without.
    images : array or Tensor, optional
        Small pictures, [batch, height, width, 3 or 4] or channels first, drawn beside their rows.
    highlighted : int, optional
        The pair to frame and to speak of.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, square float matrix of at least 2 pairs, ``logit_scale`` no finite
        scalar, or the others do not fit the batch.
    """

    similarity: Float[Tensor, "batch batch"]
    logit_scale: float | Float[Tensor, ""]
    captions: tuple[str, ...] = ()
    images: np.ndarray | Tensor | None = None
    highlighted: int | None = None

    def __post_init__(self) -> None:
        check_square("similarity", self.similarity)
        check_scale("logit_scale", self.logit_scale)
        size = self.batch_size
        if size < 2:
            raise ValueError(
                f"similarity must hold at least 2 pairs, got shape {list(self.similarity.shape)}."
            )
        captions = tuple(self.captions) or tuple(str(pair + 1) for pair in range(size))
        if len(captions) != size:
            raise ValueError(f"captions must name {size} pairs, got {len(captions)}.")
        if self.images is not None:
            as_pictures(self.images, count=size)
        if self.highlighted is not None:
            check_int("highlighted", self.highlighted, low=0, high=size - 1)
        object.__setattr__(self, "captions", captions)
        object.__setattr__(self, "similarity", self.similarity.detach().double().cpu())
        object.__setattr__(self, "logit_scale", float(self.logit_scale))

    @property
    def batch_size(self) -> int:
        """N, the number of pairs."""
        return self.similarity.shape[0]

    @property
    def logits(self) -> Float[Tensor, "batch batch"]:
        """ℓ_ij = logit_scale · s_ij."""
        return self.similarity * self.logit_scale

    @property
    def probabilities(self) -> Float[Tensor, "batch batch"]:
        """P_ij: the softmax of each row, an image over all texts."""
        return log_softmax_rows(self.logits).exp()

    @property
    def gradient(self) -> Float[Tensor, "batch batch"]:
        """∂L/∂ℓ_ij of the symmetric loss."""
        return grad_wrt_logits(self.logits)

    @property
    def loss(self) -> float:
        """The symmetric loss in nats."""
        # Texts that are the coordinate axes make I_i·T_j = s_ij, exactly: so one loss serves here too.
        axes = torch.eye(self.batch_size, dtype=torch.float64)
        return clip_loss(self.similarity, axes, self.logit_scale).item()

    def hardest_negative(self, pair: int) -> Negative:
        """Return the wrong text to which image ``pair`` gives most probability."""
        check_int("pair", pair, low=0, high=self.batch_size - 1)
        row = self.probabilities[pair].clone()
        row[pair] = -1.0
        return Negative(int(row.argmax()), float(row.max()))


def softmax_example(
    logit_scale: float = 10.0,
    alignment: float = 0.8,
    *,
    captions: tuple[str, ...] = CAPTIONS,
    images: np.ndarray | Tensor | None = None,
    highlighted: int | None = None,
    seed: int = 0,
) -> SoftmaxState:
    """Make a small batch of pairs, aligned as well as one asks, of which the second resembles the first.

    T_i = alignment · I_i + √(1 − alignment²) · (a unit vector orthogonal to I_i), so that s_ii = alignment.

    Parameters
    ----------
    logit_scale : float
    alignment : float from −1 to 1
        The cosine of every image with its own text.
    captions : tuple of str
        One for each pair: their number is the batch size.
    images : array or Tensor, optional
        Pictures for the rows.
    highlighted : int, optional
        The pair to frame.
    seed : int
        Of the directions, which are random.

    Returns
    -------
    SoftmaxState

    Raises
    ------
    TypeError, ValueError
        If ``alignment`` is no cosine, or an argument does not fit (see `SoftmaxState`).
    """
    check_scale("alignment", alignment)
    if not -1 <= alignment <= 1:
        raise ValueError(f"alignment must be a cosine, from -1 to 1, got {alignment}.")
    generator = torch.Generator().manual_seed(seed)
    shape = (len(captions), 8)
    image_features = l2_normalize(torch.randn(shape, generator=generator, dtype=torch.float64))
    image_features[1] = l2_normalize(image_features[:2].sum(dim=0, keepdim=True))[0]
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    noise -= image_features * (image_features * noise).sum(dim=1, keepdim=True)
    text_features = alignment * image_features + math.sqrt(1 - alignment**2) * l2_normalize(noise)
    return SoftmaxState(
        cosine_similarity(image_features, text_features), logit_scale, captions, images, highlighted
    )
