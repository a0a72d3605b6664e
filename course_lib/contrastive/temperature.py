"""Temperature: how sharp a softmax is, and CLIP's way of learning it.

Cosines are divided by τ or, the same thing, multiplied by logit_scale = 1/τ. Three numbers go by the name
"scale" in public code, and are mixed up there: τ (0.07), 1/τ (14.3) and log(1/τ) (2.66). Here the first is
``temperature``, the second ``logit_scale``, the third ``log_scale``.
"""

import math

import torch
from torch import Tensor

from course_lib.validate import check_positive


class LearnableScale(torch.nn.Module):
    """CLIP's learnable logit scale: a parameter holding log(1/τ), exponentiated where it is used.

    logit_scale = exp(log_scale),  log_scale ← min(log_scale, log max_scale) after each step of the optimizer

    Parameters
    ----------
    temperature : float, default 0.07
        τ to begin with: ``log_scale`` is initialised to log(1/τ), also where that lies above the limit.
    max_scale : float, default 100.0
        Largest logit_scale that `clamp_` lets through.

    Attributes
    ----------
    log_scale : torch.nn.Parameter, 0-d, of torch's default dtype
        log(1/τ). A step of the optimizer multiplies τ by a factor, whatever its size, and no step can make
        it negative.
    max_scale : float
        As given.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number > 0.

    Notes
    -----
    The clamp belongs after ``optimizer.step()``, outside the graph. Inside `forward` it would have the
    gradient 0 for every scale above the limit, also where the loss asks for a smaller one: a scale that got
    there could not come back. Keep ``log_scale`` out of weight decay, which would pull the logarithm to 0
    and so τ to 1. A float32 logarithm is exact to about 1e-7, so a clipped scale may come out as 100.00001.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 2.5 ("clipped to prevent scaling the logits by more than
    100"); openai/CLIP#46 and #530 (where the clip is applied).

    Examples
    --------
    >>> scale = LearnableScale()
    >>> round(scale().item(), 3)  # 1/0.07
    14.286
    >>> with torch.no_grad():
    ...     _ = scale.log_scale.fill_(6.0)  # as a step that went too far
    >>> round(scale().item(), 3)
    403.429
    >>> scale.clamp_()
    >>> round(scale().item(), 3)
    100.0
    """

    def __init__(self, temperature: float = 0.07, max_scale: float = 100.0) -> None:
        super().__init__()
        check_positive("temperature", temperature)
        check_positive("max_scale", max_scale)
        self.max_scale = float(max_scale)
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(1 / temperature)))

    def forward(self) -> Tensor:
        """Return logit_scale = exp(log_scale), 0-d and unclamped; gradients flow to ``log_scale``."""
        return self.log_scale.exp()

    @torch.no_grad()
    def clamp_(self) -> None:
        """Lower ``log_scale`` to log(max_scale) if it lies above. To be called after ``optimizer.step()``."""
        self.log_scale.clamp_(max=math.log(self.max_scale))
