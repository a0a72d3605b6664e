"""Temperature: how sharp a softmax is, and CLIP's way of learning it.

Cosines are divided by τ or, the same thing, multiplied by logit_scale = 1/τ. Three numbers go by the name
"scale" in public code, and are mixed up there: τ (0.07), 1/τ (14.3) and log(1/τ) (2.66). Here the first is
``temperature``, the second ``logit_scale``, the third ``log_scale``.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.softmax import _log_softmax_rows
from course_lib.validate import check_matrix, check_positive, check_scale, check_square


def softmax_temperature(
    similarity: Float[Tensor, "rows classes"], temperature: float | Float[Tensor, ""]
) -> Float[Tensor, "rows classes"]:
    """Softmax of each row at a temperature.

    P_ij = exp(s_ij/τ) / Σ_k exp(s_ik/τ)

    Parameters
    ----------
    similarity : Tensor, shape [rows, classes], float32 or float64
        Cosines, or any scores.
    temperature : float or 0-d Tensor, > 0
        τ. Small is sharp: τ → 0 puts all weight on the row's maximum, τ → ∞ gives 1/classes each.

    Returns
    -------
    Tensor, shape and dtype of ``similarity``
        Each row sums to 1.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, non-empty float matrix, or ``temperature`` not a finite scalar > 0.

    Notes
    -----
    Rows are shifted by their maximum before exp, so that no temperature overflows, however small, unless
    similarity/τ itself does.

    References
    ----------
    Hinton et al. 2015, arXiv:1503.02531, equation 1; Wu et al. 2018, arXiv:1805.01978, equation 2.

    Examples
    --------
    >>> import torch
    >>> softmax_temperature(torch.tensor([[1.0, 0.0]]), 1.0)
    tensor([[0.7311, 0.2689]])
    >>> softmax_temperature(torch.tensor([[1.0, 0.0]]), 0.1)
    tensor([[9.9995e-01, 4.5398e-05]])
    """
    check_matrix("similarity", similarity, axes=("rows", "classes"))
    check_positive("temperature", temperature)
    return _log_softmax_rows(similarity / temperature).exp()


def expected_similarity(
    similarity: Float[Tensor, "rows classes"], logit_scale: float | Float[Tensor, ""]
) -> Float[Tensor, " rows"]:
    """Mean similarity of each row under its own softmax: the derivative of its log-sum-exp by the scale.

    E_P[s]_i = Σ_j P_ij s_ij = d/d logit_scale  log Σ_j exp(logit_scale · s_ij)

    Parameters
    ----------
    similarity : Tensor, shape [rows, classes], float32 or float64
        s_ij, unscaled.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.

    Returns
    -------
    Tensor, shape [rows], dtype of ``similarity``
        Grows with the scale, from the row's mean at 0 to its maximum at infinity.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, non-empty float matrix, or ``logit_scale`` not a finite scalar.

    Examples
    --------
    >>> import torch
    >>> row = torch.tensor([[1.0, 0.0]])
    >>> expected_similarity(row, 0.0), expected_similarity(row, 100.0)
    (tensor([0.5000]), tensor([1.]))
    """
    check_matrix("similarity", similarity, axes=("rows", "classes"))
    check_scale("logit_scale", logit_scale)
    return _expected_similarity(similarity, logit_scale)


def grad_log_scale(
    similarity: Float[Tensor, "batch batch"], log_scale: float | Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Gradient of the CLIP loss with respect to the logarithm of the scale.

    dL/d log_scale = logit_scale · (1/2N) Σ_i ( E_row[s]_i + E_col[s]_i − 2 s_ii ),  logit_scale =
    exp(log_scale)

    Parameters
    ----------
    similarity : Tensor, shape [batch, batch], float32 or float64
        Cosines of image i and text j, unscaled; positives on the diagonal.
    log_scale : float or 0-d Tensor
        log(1/τ), the parameter that CLIP stores.

    Returns
    -------
    Tensor, 0-d, dtype of ``similarity``
        Negative while the positives lie above what the softmax expects: then the loss asks for a larger
        scale.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, non-empty, square float matrix, or ``log_scale`` not a finite
        scalar.

    Notes
    -----
    The loss is convex in the scale itself (its second derivative is the variance of s under P), so the sign
    of this gradient tells on which side of the one minimum the scale is. If every positive is the largest of
    its row and column, there is no minimum: the scale is asked to grow without end.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 2.5, for the parametrisation.

    Examples
    --------
    >>> import torch
    >>> grad_log_scale(torch.eye(2), 0.0)  # σ(1) − 1
    tensor(-0.2689)
    """
    check_square("similarity", similarity)
    check_scale("log_scale", log_scale)
    logit_scale = torch.as_tensor(log_scale, dtype=similarity.dtype, device=similarity.device).exp()
    rows = _expected_similarity(similarity, logit_scale)
    columns = _expected_similarity(similarity.T, logit_scale)
    return logit_scale * ((rows + columns) / 2 - similarity.diagonal()).mean()


def _expected_similarity(similarity: Tensor, logit_scale: float | Tensor) -> Tensor:
    return (_log_softmax_rows(similarity * logit_scale).exp() * similarity).sum(dim=1)


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
