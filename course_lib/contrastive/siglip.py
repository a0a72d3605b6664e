"""The sigmoid loss: every image with every text is a yes-or-no question of its own.

Features are unit vectors and ``logit_scale`` is 1/τ itself, as in ``infonce``. The logit of a pair is
ℓ_ij = logit_scale · I_i·T_j + logit_bias, and its label z_ij is +1 on the diagonal, −1 elsewhere. The label
multiplies the whole logit, bias included. With the bias outside, as in z·logit_scale·s + b, a large b would
make every pair likely at once, whatever the embeddings.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course_lib.contrastive.infonce import _logits
from course_lib.validate import FLOATING_DTYPES, check_int, check_matrix, check_paired, check_scale


class SiglipGrads(NamedTuple):
    """Gradients of the sigmoid loss, named and shaped as the arguments they belong to."""

    image_features: Float[Tensor, "batch dim"]
    text_features: Float[Tensor, "batch dim"]
    logit_scale: Float[Tensor, ""]
    logit_bias: Float[Tensor, ""]


def pair_labels(
    batch: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None
) -> Float[Tensor, "batch batch"]:
    """Labels of all pairs of a batch.

    z_ij = +1 if i = j, −1 otherwise

    Parameters
    ----------
    batch : int, at least 1
        Pairs in the batch.
    dtype : torch.dtype, default torch.float32
        float32 or float64.
    device : torch.device or str, default torch's default device

    Returns
    -------
    Tensor, shape [batch, batch]
        They multiply the logits. Labels 0 and 1 would not do: a 0 silences the negatives, each of which
        would cost log 2 whatever its logit.

    Raises
    ------
    TypeError, ValueError
        If ``batch`` is not an integer of at least 1, or ``dtype`` is another one.

    Examples
    --------
    >>> pair_labels(2)
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    check_int("batch", batch, low=1)
    if dtype not in FLOATING_DTYPES:
        raise TypeError(f"dtype must be torch.float32 or torch.float64, got {dtype}.")
    return _pair_labels(batch, dtype, device)


def log_sigmoid(logits: Float[Tensor, "images texts"]) -> Float[Tensor, "images texts"]:
    """Log-probability that each pair belongs together.

    log σ(ℓ) = min(ℓ, 0) − log(1 + exp(−|ℓ|))

    Parameters
    ----------
    logits : Tensor, shape [images, texts], float32 or float64

    Returns
    -------
    Tensor, shape and dtype of ``logits``
        Values ≤ 0.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a finite, non-empty float matrix.

    Notes
    -----
    The exponential's argument is never positive, so it cannot overflow: at −1000 the result is −1000.
    log(sigmoid(ℓ)), taken in two steps, is −inf from about −89 down in float32. −softplus(−ℓ) is the same
    function, but torch's softplus turns linear above its threshold of 20, where that still costs 2e-9.

    Examples
    --------
    >>> import torch
    >>> log_sigmoid(torch.tensor([[0.0, -1000.0]]))
    tensor([[-6.9315e-01, -1.0000e+03]])
    """
    check_matrix("logits", logits, axes=("images", "texts"))
    return F.logsigmoid(logits)


def siglip_loss(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    logit_bias: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Sigmoid loss: binary cross-entropy of all N² pairs, summed, per image.

    L = −(1/N) Σ_i Σ_j log σ( z_ij (logit_scale · I_i·T_j + logit_bias) )

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated; gradients flow to a tensor.
    logit_bias : float or 0-d Tensor
        b, added to every logit; gradients flow to a tensor. See `initial_bias` for where to start.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        The loss in nats. The sum of N² terms is divided by N, not by N²: N log 2 where all logits are 0.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device, or
        ``logit_scale`` or ``logit_bias`` is not a finite scalar.

    Notes
    -----
    One expression that autograd differentiates, to any order; it holds several [batch, batch] matrices.
    `siglip_loss_chunked` has the same values and first gradients in little memory, and is faster.

    References
    ----------
    Zhai et al. 2023, arXiv:2303.15343, section 3.2 and algorithm 1.

    Examples
    --------
    >>> import torch
    >>> siglip_loss(torch.eye(2), torch.eye(2), 0.0, 0.0)  # 2 log 2
    tensor(1.3863)
    >>> siglip_loss(torch.eye(2), torch.eye(2), 20.0, -10.0)  # positives at 10, negatives at −10
    tensor(9.0798e-05)
    """
    _check(image_features, text_features, logit_scale, logit_bias)
    return _siglip_loss(image_features, text_features, logit_scale, logit_bias)


def siglip_grads(
    image_features: Float[Tensor, "batch dim"],
    text_features: Float[Tensor, "batch dim"],
    logit_scale: float | Float[Tensor, ""],
    logit_bias: float | Float[Tensor, ""],
) -> SiglipGrads:
    """Gradients of `siglip_loss` with respect to all four arguments, without autograd.

    With G_ij = ∂L/∂ℓ_ij = −z_ij σ(−z_ij ℓ_ij) / N:  ∂L/∂I = logit_scale · G T,  ∂L/∂T = logit_scale · Gᵀ I,
    ∂L/∂logit_scale = Σ_ij G_ij I_i·T_j,  ∂L/∂logit_bias = Σ_ij G_ij

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated.
    logit_bias : float or 0-d Tensor
        b, added to every logit.

    Returns
    -------
    SiglipGrads
        ``image_features`` and ``text_features`` of shape [batch, dim], ``logit_scale`` and ``logit_bias``
        0-d; dtype of the features.

    Raises
    ------
    TypeError, ValueError
        As for `siglip_loss`.

    References
    ----------
    d/dx log σ(x) = σ(−x), applied to Zhai et al. 2023, arXiv:2303.15343, section 3.2.

    Examples
    --------
    >>> import torch
    >>> grads = siglip_grads(torch.eye(3), torch.eye(3), 0.0, 0.0)
    >>> grads.logit_bias  # 3 positives ask for +1/2 each, 6 negatives for −1/2, over N = 3
    tensor(0.5000)
    """
    _check(image_features, text_features, logit_scale, logit_bias)
    return _siglip_grads(image_features, text_features, logit_scale, logit_bias)


def _check(image_features: Any, text_features: Any, logit_scale: Any, logit_bias: Any) -> None:
    check_paired(image_features, text_features)
    check_scale("logit_scale", logit_scale)
    check_scale("logit_bias", logit_bias)


def _pair_labels(batch: int, dtype: torch.dtype, device: torch.device | str | None) -> Tensor:
    return 2 * torch.eye(batch, dtype=dtype, device=device) - 1


def _siglip_loss(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, logit_bias: float | Tensor
) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale) + logit_bias
    labels = _pair_labels(len(logits), logits.dtype, logits.device)
    return -F.logsigmoid(labels * logits).sum() / len(logits)


def _siglip_grads(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, logit_bias: float | Tensor
) -> SiglipGrads:
    products = image_features @ text_features.T
    labels = _pair_labels(len(products), products.dtype, products.device)
    logits = products * logit_scale + logit_bias
    grad_logits = -labels * torch.sigmoid(-labels * logits) / len(products)
    return SiglipGrads(
        image_features=(grad_logits @ text_features) * logit_scale,
        text_features=(grad_logits.T @ image_features) * logit_scale,
        logit_scale=(grad_logits * products).sum(),
        logit_bias=grad_logits.sum(),
    )
