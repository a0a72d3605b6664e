"""InfoNCE over a batch of pairs: which text belongs to which image, and the other way round.

As in open_clip, features are already unit vectors and are not normalised again, and ``logit_scale`` is 1/τ
itself, already exponentiated. Logits are ℓ_ij = logit_scale · I_i·T_j; the positive of row i is column i.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.softmax import _log_softmax_rows
from course_lib.validate import check_paired, check_scale


def image_to_text_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Cross-entropy of finding each image's text among the texts of the batch.

    L_{I→T} = −(1/N) Σ_i log [ exp(ℓ_ii) / Σ_j exp(ℓ_ij) ]

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The loss in nats: log N where all logits are equal.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device, or
        ``logit_scale`` is not a finite scalar.

    References
    ----------
    van den Oord et al. 2018, arXiv:1807.03748, equation 4; Radford et al. 2021, arXiv:2103.00020, figure 3.

    Examples
    --------
    >>> import torch
    >>> image_to_text_loss(torch.eye(2), torch.eye(2), 0.0)  # log 2
    tensor(0.6931)
    """
    _check(image_features, text_features, logit_scale)
    return _row_loss(_logits(image_features, text_features, logit_scale))


def text_to_image_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Cross-entropy of finding each text's image among the images of the batch.

    L_{T→I} = −(1/N) Σ_j log [ exp(ℓ_jj) / Σ_i exp(ℓ_ij) ]: the sum runs over images, down a column.

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The loss in nats: log N where all logits are equal.

    Raises
    ------
    TypeError, ValueError
        As for `image_to_text_loss`.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, figure 3.

    Examples
    --------
    >>> import torch
    >>> images = torch.tensor([[1.0, 0.0], [1.0, 0.0]])  # both images sit on the first text
    >>> texts = torch.eye(2)
    >>> text_to_image_loss(images, texts, 2.0), image_to_text_loss(images, texts, 2.0)
    (tensor(0.6931), tensor(1.1269))
    """
    _check(image_features, text_features, logit_scale)
    return _row_loss(_logits(image_features, text_features, logit_scale).T)


def clip_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Symmetric InfoNCE: the mean of both directions.

    L_CLIP = (L_{I→T} + L_{T→I}) / 2

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The loss in nats: log N where all logits are equal.

    Raises
    ------
    TypeError, ValueError
        As for `image_to_text_loss`.

    Notes
    -----
    One matrix of logits serves both directions, read along rows and along columns. It is never exponentiated
    unshifted, so hot scales (1000 and beyond) are exact up to the rounding of the logits themselves, about
    logit_scale · eps.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, figure 3; Zhang et al. 2020, arXiv:2010.00747, equation 4 (there
    weighted by λ).

    Examples
    --------
    >>> import torch
    >>> clip_loss(torch.eye(3), torch.eye(3), 2.0)  # log(1 + 2 exp(−2))
    tensor(0.2395)
    """
    _check(image_features, text_features, logit_scale)
    return _clip_loss(image_features, text_features, logit_scale)


def _check(image_features: Any, text_features: Any, logit_scale: Any) -> None:
    check_paired(image_features, text_features)
    check_scale("logit_scale", logit_scale)


def _logits(image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor) -> Tensor:
    return (image_features @ text_features.T) * logit_scale


def _row_loss(logits: Tensor) -> Tensor:
    return -_log_softmax_rows(logits).diagonal().mean()


def _clip_loss(image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale)
    return (_row_loss(logits) + _row_loss(logits.T)) / 2
