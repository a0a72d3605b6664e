"""The sigmoid loss at its logits: what each pair is told, and what its logit decides."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_lib.contrastive.siglip import _pair_labels
from course_lib.validate import check_fraction, check_matrix, check_square


def siglip_grad_wrt_logits(logits: Float[Tensor, "batch batch"]) -> Float[Tensor, "batch batch"]:
    """Gradient of the sigmoid loss with respect to the logits.

    ∂L/∂ℓ_ij = −z_ij σ(−z_ij ℓ_ij) / N = (σ(ℓ_ij) − 1[i = j]) / N

    Parameters
    ----------
    logits : Tensor, shape [batch, batch], float32 or float64
        ℓ_ij of image i and text j, bias included; positives on the diagonal.

    Returns
    -------
    Tensor, shape and dtype of ``logits``
        Negative on the diagonal, positive elsewhere; entry [i, j] depends only on
        ``logits[i, j]``, and on N.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a finite, non-empty, square float matrix.

    Notes
    -----
    The first form keeps its relative accuracy for a positive that is learned: σ(−ℓ) is tiny there, while
    σ(ℓ) − 1 cancels to 0 from ℓ ≈ 37 on in float64.

    References
    ----------
    d/dx log σ(x) = σ(−x), applied to Zhai et al. 2023, arXiv:2303.15343, section 3.2.

    Examples
    --------
    >>> import torch
    >>> siglip_grad_wrt_logits(torch.zeros(2, 2))
    tensor([[-0.2500,  0.2500],
            [ 0.2500, -0.2500]])
    """
    check_square("logits", logits)
    return _siglip_grad_wrt_logits(logits)


def match_or_none(logits: Float[Tensor, "images texts"], threshold: float = 0.5) -> Int64[Tensor, " images"]:
    """Most probable text of each image, or −1 where none is probable enough.

    j* = argmax_j ℓ_ij;  j* if σ(ℓ_ij*) ≥ threshold, otherwise −1

    Parameters
    ----------
    logits : Tensor, shape [images, texts], float32 or float64
        ℓ_ij = logit_scale · I_i·T_j + logit_bias of any candidates; image i need not have a partner.
    threshold : float, more than 0 and less than 1, default 0.5
        A probability, not a logit.

    Returns
    -------
    Tensor, shape [images], int64
        Column numbers, and −1 for "none of these". Of equal logits the first one counts.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a finite, non-empty float matrix, or ``threshold`` no number between 0 and 1.

    Notes
    -----
    No other candidate enters the probability of a pair, so that the answer "none" is possible. The largest
    softmax probability of a row of M texts, in contrast, is at least 1/M whatever they are.

    Examples
    --------
    >>> import torch
    >>> match_or_none(torch.tensor([[-1.0, 2.0], [-3.0, -2.0]]))
    tensor([ 1, -1])
    """
    check_matrix("logits", logits, axes=("images", "texts"))
    check_fraction("threshold", threshold)
    return _match_or_none(logits, threshold)


def _siglip_grad_wrt_logits(logits: Tensor) -> Tensor:
    labels = _pair_labels(len(logits), logits.dtype, logits.device)
    return -labels * torch.sigmoid(-labels * logits) / len(logits)


def _match_or_none(logits: Tensor, threshold: float) -> Tensor:
    best, column = logits.detach().max(dim=1)
    # In probabilities: a threshold turned into a logit would round differently right at it.
    return torch.where(torch.sigmoid(best) >= threshold, column, -1)
