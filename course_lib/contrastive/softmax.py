"""The logarithm of a softmax, without overflow."""

from jaxtyping import Float
from torch import Tensor

from course_lib.validate import check_matrix


def log_softmax_rows(logits: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows classes"]:
    """Log-probabilities of each row.

    log p_ij = ℓ_ij − m_i − log Σ_k exp(ℓ_ik − m_i),  m_i = max_k ℓ_ik

    Parameters
    ----------
    logits : Tensor, shape [rows, classes], float32 or float64

    Returns
    -------
    Tensor, shape [rows, classes], dtype of ``logits``
        Values ≤ 0; the exponentials of each row sum to 1.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a finite, non-empty float matrix.

    Notes
    -----
    The shift by m_i changes nothing exactly and everything in floating point: exp overflows float32 above
    88.72, and CLIP's logits reach 100. After it the largest term of the sum is exp(0) = 1, so the logarithm
    is that of a number ≥ 1. Taking log(softmax) instead gives −inf wherever the probability underflows.

    Examples
    --------
    >>> import torch
    >>> log_softmax_rows(torch.tensor([[0.0, 0.0], [1000.0, 0.0]]))
    tensor([[-6.9315e-01, -6.9315e-01],
            [ 0.0000e+00, -1.0000e+03]])
    """
    check_matrix("logits", logits, axes=("rows", "classes"))
    return _log_softmax_rows(logits)


def _log_softmax_rows(logits: Tensor) -> Tensor:
    # Detached: the result does not depend on the shift, so no derivative of any order passes through it.
    shifted = logits - logits.detach().amax(dim=1, keepdim=True)
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()
