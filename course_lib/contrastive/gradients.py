"""The gradient of the CLIP loss by hand, link by link: logits, features, scale, normalisation."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.similarity import EPS, _scale_rows
from course_lib.contrastive.softmax import _log_softmax_rows
from course_lib.validate import check_eps, check_paired, check_scale, check_square


class ClipLossGrad(NamedTuple):
    """Gradients of the CLIP loss, named and shaped as the arguments they belong to."""

    image_features: Float[Tensor, "batch dim"]
    text_features: Float[Tensor, "batch dim"]
    logit_scale: Float[Tensor, ""]


def grad_wrt_logits(logits: Float[Tensor, "batch batch"]) -> Float[Tensor, "batch batch"]:
    """Gradient of the CLIP loss with respect to the logits.

    ∂L/∂ℓ = ((P_row − I) + (P_col − I)) / (2N), with P_row the softmax over each row and P_col over each
    column

    Parameters
    ----------
    logits : Tensor, shape [batch, batch], float32 or float64
        ℓ_ij of image i and text j; positives on the diagonal.

    Returns
    -------
    Tensor, shape and dtype of ``logits``
        Sums to 0: what the positives are pulled up, the negatives are pushed down.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a finite, non-empty, square float matrix.

    Notes
    -----
    Both softmaxes are exponentials of shifted log-probabilities, so none overflows. Once a pair is learned,
    P_ii − 1 cancels and keeps an absolute accuracy of about eps, as autograd's does.

    References
    ----------
    The softmax-cross-entropy derivative P − Y (Bishop 2006, equation 4.109), for each of the two directions
    of Radford et al. 2021, arXiv:2103.00020, figure 3.

    Examples
    --------
    >>> import torch
    >>> grad_wrt_logits(torch.zeros(2, 2))
    tensor([[-0.2500,  0.2500],
            [ 0.2500, -0.2500]])
    """
    check_square("logits", logits)
    return _grad_wrt_logits(logits)


def normalize_grad(
    x: Float[Tensor, "batch dim"], grad_unit: Float[Tensor, "batch dim"], eps: float = EPS
) -> Float[Tensor, "batch dim"]:
    """Carry a gradient back through `l2_normalize`.

    ∂L/∂x = (I − u uᵀ) g / ‖x‖ for each row, with u = x/‖x‖ and g = ∂L/∂u

    Parameters
    ----------
    x : Tensor, shape [batch, dim], float32 or float64
        Embeddings before normalisation.
    grad_unit : Tensor, shape and dtype of ``x``
        Gradient with respect to the normalised rows u.
    eps : float, default 1e-12
        The ``eps`` of the normalisation.

    Returns
    -------
    Tensor, shape and dtype of ``x``
        Orthogonal to ``x``, row by row: moving along x changes only its length, which u forgets. A row
        shorter than ``eps`` was divided by the constant eps, so there the gradient is g / eps with no
        projection.

    Raises
    ------
    TypeError, ValueError
        If the arguments are not finite, non-empty float matrices of one shape, dtype and device, or ``eps``
        vanishes in their dtype.

    Notes
    -----
    The Jacobian is applied, never formed: O(dim) per row instead of O(dim²).

    Examples
    --------
    >>> import torch
    >>> normalize_grad(torch.tensor([[2.0, 0.0]]), torch.tensor([[5.0, 3.0]]))
    tensor([[0.0000, 1.5000]])
    """
    check_paired(x, grad_unit, names=("x", "grad_unit"))
    check_eps("eps", eps, x.dtype)
    return _normalize_grad(x, grad_unit, eps)


def clip_loss_grad(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
) -> ClipLossGrad:
    """Gradients of `clip_loss` with respect to all three arguments, without autograd.

    With G = ∂L/∂ℓ: ∂L/∂I = logit_scale · G T,  ∂L/∂T = logit_scale · Gᵀ I,  ∂L/∂logit_scale = Σ_ij G_ij
    I_i·T_j

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.

    Returns
    -------
    ClipLossGrad
        ``image_features`` and ``text_features`` of shape [batch, dim], ``logit_scale`` 0-d; dtype of the
        features. They are gradients with respect to the features as given, radial part included: for
        gradients with respect to raw embeddings pass them through `normalize_grad`.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device, or
        ``logit_scale`` is not a finite scalar.

    Examples
    --------
    >>> import torch
    >>> grads = clip_loss_grad(torch.eye(2), torch.eye(2), 0.0)
    >>> grads.logit_scale  # at scale 0 sharpening helps: positives score 1, negatives 0
    tensor(-0.5000)
    """
    check_paired(image_features, text_features)
    check_scale("logit_scale", logit_scale)
    return _clip_loss_grad(image_features, text_features, logit_scale)


def _grad_wrt_logits(logits: Tensor) -> Tensor:
    size = logits.shape[0]
    identity = torch.eye(size, dtype=logits.dtype, device=logits.device)
    over_texts = _log_softmax_rows(logits).exp()
    over_images = _log_softmax_rows(logits.T).exp().T
    return ((over_texts - identity) + (over_images - identity)) / (2 * size)


def _normalize_grad(x: Tensor, grad_unit: Tensor, eps: float) -> Tensor:
    rows, norm, peak = _scale_rows(x, eps)
    length = norm.clamp_min(1)
    unit = rows / length
    radial = unit * (unit * grad_unit).sum(dim=1, keepdim=True)
    # Below eps (norm < 1) the divisor was a constant, so that nothing is projected away.
    return (grad_unit - radial * (norm >= 1)) / length / peak


def _clip_loss_grad(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor
) -> ClipLossGrad:
    products = image_features @ text_features.T
    grad_logits = _grad_wrt_logits(products * logit_scale)
    return ClipLossGrad(
        image_features=(grad_logits @ text_features) * logit_scale,
        text_features=(grad_logits.T @ image_features) * logit_scale,
        logit_scale=(grad_logits * products).sum(),
    )
