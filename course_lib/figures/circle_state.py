"""Pairs of points on a circle, pulled together and pushed apart by the gradient of the loss."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive import clip_loss_grad, cosine_similarity, normalize_grad
from course_lib.figures.softmax_state import SoftmaxState
from course_lib.validate import check_array, check_int, check_same_kind, check_same_shape, check_scale


class AngleGrad(NamedTuple):
    """Gradients of the loss with respect to the angles, per radian."""

    image_angles: Float[Tensor, "batch"]
    text_angles: Float[Tensor, "batch"]


@dataclass(frozen=True, eq=False)
class CircleState:
    """Image and text features of two dimensions: points of the unit circle, each given by its angle.

    All is kept in float64, outside any graph.

    Parameters
    ----------
    image_angles : Tensor, shape [batch], float32 or float64
        Radians, counter-clockwise from the right; at least 2 pairs.
    text_angles : Tensor, shape and dtype of ``image_angles``
        Text i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.

    Raises
    ------
    TypeError, ValueError
        If the angles are not finite float vectors of one shape and dtype with at least 2 pairs, or
        ``logit_scale`` is no finite scalar.
    """

    image_angles: Float[Tensor, "batch"]
    text_angles: Float[Tensor, "batch"]
    logit_scale: float | Float[Tensor, ""]

    def __post_init__(self) -> None:
        check_array("image_angles", self.image_angles, axes=("batch",))
        check_array("text_angles", self.text_angles, axes=("batch",))
        check_same_kind("text_angles", self.text_angles, "image_angles", self.image_angles)
        check_same_shape("text_angles", self.text_angles, "image_angles", self.image_angles)
        check_scale("logit_scale", self.logit_scale)
        if self.batch_size < 2:
            raise ValueError(f"image_angles must hold at least 2 pairs, got {self.batch_size}.")
        for name in ("image_angles", "text_angles"):
            object.__setattr__(self, name, getattr(self, name).detach().double().cpu())
        object.__setattr__(self, "logit_scale", float(self.logit_scale))

    @property
    def batch_size(self) -> int:
        """N, the number of pairs."""
        return self.image_angles.shape[0]

    @property
    def image_features(self) -> Float[Tensor, "batch 2"]:
        """The images' points (cos θ, sin θ)."""
        return _points(self.image_angles)

    @property
    def text_features(self) -> Float[Tensor, "batch 2"]:
        """The texts' points."""
        return _points(self.text_angles)

    @property
    def batch(self) -> SoftmaxState:
        """The same pairs as similarities, with their softmax, loss and hardest negatives."""
        return SoftmaxState(cosine_similarity(self.image_features, self.text_features), self.logit_scale)

    @property
    def gaps(self) -> Float[Tensor, "batch"]:
        """Radians between each image and its own text, from 0 to π."""
        difference = self.image_angles - self.text_angles
        return torch.atan2(difference.sin(), difference.cos()).abs()


def random_circle(batch_size: int = 4, logit_scale: float = 10.0, seed: int = 0) -> CircleState:
    """Scatter pairs over the circle: every angle uniform and independent, so that no pair is aligned yet.

    Parameters
    ----------
    batch_size : int, at least 2
    logit_scale : float
    seed : int

    Returns
    -------
    CircleState

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    check_int("batch_size", batch_size, low=2)
    generator = torch.Generator().manual_seed(seed)
    angles = 2 * math.pi * torch.rand(2, batch_size, generator=generator, dtype=torch.float64)
    return CircleState(angles[0], angles[1], logit_scale)


def angle_grad(state: CircleState) -> AngleGrad:
    """Gradient of the CLIP loss with respect to every angle.

    ∂L/∂θ = t · (I − u uᵀ) ∂L/∂u  with u = (cos θ, sin θ) and the tangent t = (−sin θ, cos θ)

    Parameters
    ----------
    state : CircleState

    Returns
    -------
    AngleGrad

    Notes
    -----
    The features' gradient points off the circle; the normalisation's Jacobian leaves of it what moves along.
    """
    grads = clip_loss_grad(state.image_features, state.text_features, state.logit_scale)
    return AngleGrad(
        _along(state.image_angles, grads.image_features), _along(state.text_angles, grads.text_features)
    )


def step(state: CircleState, learning_rate: float) -> CircleState:
    """Move all points along the circle, by one step of gradient descent.

    θ ← θ − learning_rate · ∂L/∂θ

    Parameters
    ----------
    state : CircleState
    learning_rate : float
        Radians per unit of gradient. The gradient grows with the logit scale and shrinks with the batch:
        about batch/logit_scale times 0.3 goes down quickly at any scale without jumping over the pairs.

    Returns
    -------
    CircleState
        A new state; the old one is untouched.

    Raises
    ------
    TypeError, ValueError
        If ``learning_rate`` is no finite number.
    """
    check_scale("learning_rate", learning_rate)
    grads = angle_grad(state)
    return replace(
        state,
        image_angles=state.image_angles - learning_rate * grads.image_angles,
        text_angles=state.text_angles - learning_rate * grads.text_angles,
    )


def descend(state: CircleState, learning_rate: float, steps: int) -> list[CircleState]:
    """Take several steps.

    Parameters
    ----------
    state : CircleState
        Where to start.
    learning_rate : float
        See `step`.
    steps : int, at least 0

    Returns
    -------
    list of CircleState
        The start and the state after each step: steps + 1 of them.

    Raises
    ------
    TypeError, ValueError
        If ``steps`` is no such integer, or ``learning_rate`` no finite number.
    """
    check_int("steps", steps, low=0)
    path = [state]
    for _ in range(steps):
        path.append(step(path[-1], learning_rate))
    return path


def _points(angles: Tensor) -> Tensor:
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def _along(angles: Tensor, grad_points: Tensor) -> Tensor:
    tangents = torch.stack([-angles.sin(), angles.cos()], dim=1)
    return (tangents * normalize_grad(_points(angles), grad_points)).sum(dim=1)
