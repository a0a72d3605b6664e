"""One step of contrastive training, on towers so small that every number of it can be checked."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.infonce import clip_loss
from course_lib.contrastive.projection import encode_pair
from course_lib.validate import check_matrix, check_positive, check_scale, check_tensor


class Trainer:
    """Two linear towers and a learnable scale, trained by plain gradient descent.

    θ ← θ − η ∂L/∂θ  for both weights and log_scale,  then  log_scale ← min(log_scale, log max_scale)

    Parameters
    ----------
    image_weight : Tensor, shape [image_width, dim], float32 or float64
        The image tower to begin with. It is copied.
    text_weight : Tensor, shape [text_width, dim]
        The text tower.
    log_scale : 0-d Tensor
        log(1/τ).
    learning_rate : float
        η > 0, one for all three.
    max_scale : float, default 100.0
        Largest 1/τ, as in CLIP.

    Attributes
    ----------
    image_weight, text_weight, log_scale : Tensor
        The parameters after the steps so far; they require gradients.

    Raises
    ------
    TypeError, ValueError
        If a weight is no finite float matrix, ``log_scale`` no finite 0-d tensor, or ``learning_rate`` or
        ``max_scale`` not positive.

    Notes
    -----
    Gradients are cleared at the beginning of each step, for ``backward`` adds to those that it finds. The
    clamp comes last and outside the graph, in the space of the logarithm: clamping in the forward pass would
    stop the gradient at the limit (openai/CLIP#46).

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, sections 2.3 to 2.5.

    Examples
    --------
    >>> trainer = Trainer(torch.eye(2), torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor(0.0), 1.0)
    >>> [round(trainer.step(torch.eye(2), torch.eye(2)).item(), 2) for _ in range(3)]
    [1.31, 0.78, 0.75]
    """

    def __init__(
        self,
        image_weight: Float[Tensor, "image_width dim"],
        text_weight: Float[Tensor, "text_width dim"],
        log_scale: Float[Tensor, ""],
        learning_rate: float,
        max_scale: float = 100.0,
    ) -> None:
        check_matrix("image_weight", image_weight, ("image_width", "dim"))
        check_matrix("text_weight", text_weight, ("text_width", "dim"))
        check_tensor("log_scale", log_scale)
        check_scale("log_scale", log_scale)
        check_positive("learning_rate", learning_rate)
        check_positive("max_scale", max_scale)
        self.max_scale = float(max_scale)
        self.image_weight = image_weight.detach().clone().requires_grad_()
        self.text_weight = text_weight.detach().clone().requires_grad_()
        self.log_scale = log_scale.detach().clone().requires_grad_()
        self.optimizer = torch.optim.SGD([self.image_weight, self.text_weight, self.log_scale], learning_rate)

    def step(
        self,
        image_states: Float[Tensor, "batch image_width"],
        text_states: Float[Tensor, "batch text_width"],
    ) -> Float[Tensor, ""]:
        """Take one step on a batch of pairs; return the symmetric InfoNCE loss from before it, detached."""
        images, texts, _ = encode_pair(
            image_states, text_states, self.image_weight, self.text_weight, self.log_scale
        )
        loss = clip_loss(images, texts, self.log_scale.exp())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(self.max_scale))
        return loss.detach()
