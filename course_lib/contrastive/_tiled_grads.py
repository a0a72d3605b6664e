"""From tiles of G = ∂L/∂ℓ to the gradients of what the logits ℓ = logit_scale · I Tᵀ are made of."""

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.contrastive._tiles import Tile


def refuse_second_derivative(function: str, instead: str) -> None:
    """Raise in a backward pass of which autograd records a graph: what it would record is wrong.

    Examples
    --------
    >>> refuse_second_derivative("this", instead="that")
    Traceback (most recent call last):
    RuntimeError: this has no second derivative: use that.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(f"{function} has no second derivative: use {instead}.")


class Wanted(NamedTuple):
    """Which gradients are asked for."""

    image_features: bool
    text_features: bool
    logit_scale: bool


class LogitGrads:
    """Gathers G T and Gᵀ I tile by tile: two matrix products, fewer if not all gradients are wanted.

    Examples
    --------
    >>> eye, whole = torch.eye(2), Tile(slice(0, 2), slice(0, 2))
    >>> grads = LogitGrads(eye, eye, Wanted(True, False, True))
    >>> grads.add(whole, torch.tensor([[-3.0, 1.0], [1.0, -1.0]]))
    >>> grads.scaled(10.0, 1.0, size=2)
    (tensor([[-30.,  10.],
            [ 10., -10.]]), None, tensor(-4.))
    """

    def __init__(self, image: Tensor, text: Tensor, wanted: Wanted):
        self._image, self._text, self._wanted = image, text, wanted
        # The scale's gradient Σ_ij G_ij I_i·T_j = Σ_i I_i·(G T)_i = Σ_j T_j·(Gᵀ I)_j needs but one product.
        through_image = wanted.image_features or (wanted.logit_scale and not wanted.text_features)
        self._from_text = image.new_zeros(image.shape) if through_image else None
        self._from_image = text.new_zeros(text.shape) if wanted.text_features else None

    def add(self, tile: Tile, grad: Tensor) -> None:
        """Take in one tile of G."""
        if self._from_text is not None:
            self._from_text[tile.rows].addmm_(grad, self._text[tile.columns])
        if self._from_image is not None:
            self._from_image[tile.columns].addmm_(grad.T, self._image[tile.rows])

    def scaled(
        self, scale: float, factor: float | Tensor, size: int
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of image features, text features and scale, if G was given up to ``factor``. Ends it."""
        grad_scale = self._scale_gradient(size) * factor if self._wanted.logit_scale else None
        for product in (self._from_text, self._from_image):
            if product is not None:
                product.mul_(factor * scale)
        return (self._from_text if self._wanted.image_features else None), self._from_image, grad_scale

    def _scale_gradient(self, size: int) -> Tensor:
        if self._from_text is not None:
            product, features = self._from_text, self._image
        else:
            assert self._from_image is not None
            product, features = self._from_image, self._text
        # A few rows at a time: the products of all of them would take as much memory as a gradient.
        pieces = zip(product.split(size), features.split(size), strict=True)
        return torch.stack([(grad * feature).sum() for grad, feature in pieces]).sum()
