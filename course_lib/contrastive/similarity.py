"""How alike an image and a text are: unit vectors, cosines, logits.

Here ``*_embeddings`` are raw outputs of the encoders, of any length; ``*_features`` (see ``infonce``) are
embeddings already scaled to unit length.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from course_lib.validate import check_eps, check_matrix, check_same_width, check_scale

#: The norm below which a row counts as zero; the value of torch.nn.functional.normalize.
EPS = 1e-12


def l2_normalize(x: Float[Tensor, "batch dim"], eps: float = EPS) -> Float[Tensor, "batch dim"]:
    """Scale every row to unit length.

    u_i = x_i / max(‖x_i‖₂, eps)

    Parameters
    ----------
    x : Tensor, shape [batch, dim], float32 or float64
        Embeddings, one per row.
    eps : float, default 1e-12
        Lower bound of the divisor, in the units of ``x``.

    Returns
    -------
    Tensor, shape [batch, dim], dtype of ``x``
        Rows of length 1. A row shorter than ``eps`` is divided by ``eps``: a zero row stays zero.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not a finite, non-empty float matrix, or ``eps`` vanishes in its dtype.

    Notes
    -----
    Each row is first divided by its largest magnitude, so that squaring neither overflows nor underflows: any
    finite row gets length 1, also 1e30 in float32. At a zero row the gradient is that of x / eps: large, but
    finite.

    Examples
    --------
    >>> import torch
    >>> l2_normalize(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    check_matrix("x", x)
    check_eps("eps", eps, x.dtype)
    return _l2_normalize(x, eps)


def cosine_similarity(
    image_embeddings: Float[Tensor, "images dim"], text_embeddings: Float[Tensor, "texts dim"]
) -> Float[Tensor, "images texts"]:
    """Cosine between every image and every text.

    s_ij = I_i·T_j / (‖I_i‖₂ ‖T_j‖₂)

    Parameters
    ----------
    image_embeddings : Tensor, shape [images, dim], float32 or float64
        Need not be normalised.
    text_embeddings : Tensor, shape [texts, dim], dtype of ``image_embeddings``
        Need not be normalised; their number may differ from that of the images.

    Returns
    -------
    Tensor, shape [images, texts]
        Cosines; 0 against a zero row.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite, non-empty float matrix, or widths, dtypes or devices differ.

    Notes
    -----
    Rounding may carry a value past ±1 by a few eps. It is not clamped: clamping would cut the gradient there.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 2.3 and figure 3.

    Examples
    --------
    >>> import torch
    >>> cosine_similarity(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0], [-3.0, 0.0]]))
    tensor([[ 0., -1.]])
    """
    check_same_width(image_embeddings, text_embeddings)
    return _cosine_similarity(image_embeddings, text_embeddings)


def similarity_logits(
    image_embeddings: Float[Tensor, "images dim"],
    text_embeddings: Float[Tensor, "texts dim"],
    logit_scale: float | Float[Tensor, ""],
) -> Float[Tensor, "images texts"]:
    """Logits of the contrastive softmax: scaled cosines.

    ℓ_ij = logit_scale · s_ij

    Parameters
    ----------
    image_embeddings : Tensor, shape [images, dim], float32 or float64
        Need not be normalised.
    text_embeddings : Tensor, shape [texts, dim], dtype of ``image_embeddings``
        Need not be normalised; their number may differ from that of the images.
    logit_scale : float or 0-d Tensor
        The multiplier 1/τ itself, already exponentiated (not its logarithm).

    Returns
    -------
    Tensor, shape [images, texts]

    Raises
    ------
    TypeError, ValueError
        If an embedding argument is not a finite, non-empty float matrix, widths, dtypes or devices differ, or
        ``logit_scale`` is not a finite scalar.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, figure 3.

    Examples
    --------
    >>> import torch
    >>> similarity_logits(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0], [-3.0, 0.0]]), 100.0)
    tensor([[   0., -100.]])
    """
    check_same_width(image_embeddings, text_embeddings)
    check_scale("logit_scale", logit_scale)
    return _cosine_similarity(image_embeddings, text_embeddings) * logit_scale


class _ScaledRows(NamedTuple):
    """Rows as x = rows · peak with ‖x‖ = norm · peak, where max(‖x‖, eps) = max(norm, 1) · peak."""

    rows: Tensor
    norm: Tensor
    peak: Tensor


def _scale_rows(x: Tensor, eps: float) -> _ScaledRows:
    # The peak is a constant to autograd: it cancels in (x/peak) / ‖x/peak‖, whatever its value.
    peak = x.detach().abs().amax(dim=1, keepdim=True).clamp_min(eps)
    rows = x / peak
    # A row whose peak is its own has an entry ±1, so its norm is at least 1; otherwise peak = eps, and 1 is
    # eps in the units of the row. Hence the lower bound of 1 in either case.
    return _ScaledRows(rows, vector_norm(rows, dim=1, keepdim=True), peak)


def _l2_normalize(x: Tensor, eps: float = EPS) -> Tensor:
    rows, norm, _ = _scale_rows(x, eps)
    return rows / norm.clamp_min(1)


def _cosine_similarity(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    return _l2_normalize(image_embeddings) @ _l2_normalize(text_embeddings).T
