"""Which negatives a row of the softmax pushes, and how many of them count."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.validate import check_not_negative, check_square


def hardness_weights(
    similarity: Float[Tensor, "batch batch"], temperature: float | Float[Tensor, ""]
) -> Float[Tensor, "batch batch"]:
    """Share of each negative in the push that its row gives to negatives.

    w_ij = exp(s_ij/τ) / Σ_{k≠i} exp(s_ik/τ) for j ≠ i, and w_ii = 0

    The gradient of row i of the loss at the logit of negative j is P_ij/N; w_ij = P_ij / (1 − P_ii) is what
    remains when the size of the push is divided out.

    Parameters
    ----------
    similarity : Tensor, shape [batch, batch], float32 or float64, batch ≥ 2
        Cosines of image i and text j; positives on the diagonal.
    temperature : float or 0-d Tensor, from 0 to inf
        τ. The limits are allowed: at 0 the weight is shared by the negatives that tie for the largest
        similarity, at inf (a float) all N − 1 negatives weigh the same.

    Returns
    -------
    Tensor, shape and dtype of ``similarity``
        Rows sum to 1; zeros on the diagonal.

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` is not a finite, square float matrix of at least two pairs, or ``temperature`` is
        not a number from 0 to inf.

    References
    ----------
    Wang and Liu 2021, arXiv:2012.09740, equations 4 to 7: the hardness-aware property.

    Examples
    --------
    >>> import torch
    >>> similarity = torch.tensor([[0.9, 0.5, 0.3], [0.0, 0.9, 0.0], [0.2, 0.1, 0.9]])
    >>> hardness_weights(similarity, 0.1)[0]
    tensor([0.0000, 0.8808, 0.1192])
    >>> hardness_weights(similarity, 0.0)[1], hardness_weights(similarity, float("inf"))[0]
    (tensor([0.5000, 0.0000, 0.5000]), tensor([0.0000, 0.5000, 0.5000]))
    """
    _check(similarity, temperature)
    return _hardness_log_weights(similarity, temperature).exp()


def effective_negatives(
    similarity: Float[Tensor, "batch batch"], temperature: float | Float[Tensor, ""]
) -> Float[Tensor, " batch"]:
    """How many negatives count in each row: the exponential of the entropy of their weights.

    N_eff,i = exp( −Σ_{j≠i} w_ij log w_ij ), w = `hardness_weights`, 0 · log 0 = 0

    Parameters
    ----------
    similarity : Tensor, shape [batch, batch], float32 or float64, batch ≥ 2
        Cosines of image i and text j; positives on the diagonal.
    temperature : float or 0-d Tensor, from 0 to inf
        τ; see `hardness_weights`.

    Returns
    -------
    Tensor, shape [batch], dtype of ``similarity``
        From 1 (one negative takes all) to batch − 1 (all weigh the same).

    Raises
    ------
    TypeError, ValueError
        As for `hardness_weights`.

    Notes
    -----
    Logarithms are those of a shifted log-softmax: a weight that underflows to 0 contributes 0, not NaN.
    N_eff is the perplexity of the weights, or Hill's diversity number of order 1 (Hill 1973).

    Examples
    --------
    >>> import torch
    >>> effective_negatives(torch.eye(5), 0.07), effective_negatives(torch.eye(5), 1e-30)  # all alike
    (tensor([4., 4., 4., 4., 4.]), tensor([4., 4., 4., 4., 4.]))
    """
    _check(similarity, temperature)
    log_weights = _hardness_log_weights(similarity, temperature)
    # A weight of 0 has the logarithm −inf, and 0 · inf is NaN: such terms are left out.
    terms = log_weights.exp() * log_weights.masked_fill(log_weights == -math.inf, 0)
    return (-terms.sum(dim=1)).exp()


def _check(similarity: Tensor, temperature: float | Tensor) -> None:
    check_square("similarity", similarity)
    if similarity.shape[0] < 2:
        raise ValueError("similarity must hold at least two pairs: a batch of one has no negatives.")
    check_not_negative("temperature", temperature)


def _hardness_log_weights(similarity: Tensor, temperature: float | Tensor) -> Tensor:
    size = similarity.shape[0]
    diagonal = torch.eye(size, dtype=torch.bool, device=similarity.device)
    # The row's hardest negative becomes 0 before the division, so that only −0/τ and −gap/τ occur: at τ = 0
    # these would be NaN and −inf, and the first is what the limit calls a tie for the maximum.
    hardest = similarity.masked_fill(diagonal, -math.inf).amax(dim=1, keepdim=True)
    gaps = similarity - hardest
    if float(temperature) == 0:
        logits = torch.zeros_like(gaps).masked_fill(gaps < 0, -math.inf)
    else:
        logits = gaps / temperature
    logits = logits.masked_fill(diagonal, -math.inf)
    return logits - logits.logsumexp(dim=1, keepdim=True)
