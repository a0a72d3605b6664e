"""What a change of a layer's weights costs at its output: the Hessian, its factor, and the best reaction."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.checks import check_values
from course_lib.validate import (
    check_int,
    check_matrix,
    check_not_negative,
    check_same_kind,
    check_same_shape,
    check_square,
)


def layer_hessian(
    inputs: Float[Tensor, "*tokens inputs"], damping: float = 0.01
) -> Float[Tensor, "inputs inputs"]:
    """Give the Hessian of a layer's squared output error in the weights of one output, damped.

    H = 2 XᵀX + λI, λ = damping · mean of the diagonal of 2 XᵀX over the inputs that are not dead

    Parameters
    ----------
    inputs : Tensor, shape [..., inputs], float32 or float64
        X: what enters the layer on calibration data; all axes but the last are tokens.
    damping : float ≥ 0, default 0.01

    Returns
    -------
    Tensor, shape [inputs, inputs], dtype of ``inputs``
        The same for every output of the layer, and symmetric.

    Raises
    ------
    TypeError, ValueError
        If ``inputs`` are not finite, or ``damping`` is negative.

    Notes
    -----
    An input that is 0 for every token is dead: its row and column are 0. Before damping, the mean of the
    other diagonal entries is put on its own, so that H can be inverted without it mattering to the rest.
    Computed in float64.

    References
    ----------
    Frantar et al. 2022, arXiv:2210.17323, section 3; dead inputs as in the authors' code.

    Examples
    --------
    >>> import torch
    >>> layer_hessian(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), damping=0.5)
    tensor([[ 5.,  4.],
            [ 4., 13.]])
    """
    check_values("inputs", inputs)
    if inputs.ndim < 2:
        raise ValueError(f"inputs must have shape [..., inputs], got {list(inputs.shape)}.")
    check_not_negative("damping", damping)
    if damping == float("inf"):
        raise ValueError("damping must be finite, got inf.")
    x = inputs.reshape(-1, inputs.shape[-1]).double()
    return _damped(2 * x.T @ x, damping).to(inputs.dtype)


def inverse_factor(hessian: Float[Tensor, "inputs inputs"]) -> Float[Tensor, "inputs inputs"]:
    """Give the upper triangular U with UᵀU = H⁻¹ and a positive diagonal.

    Row i of U, from its diagonal on, is row 0 of the inverse of what H leaves for the columns i, i + 1, …,
    divided by the root of that row's first entry.

    Parameters
    ----------
    hessian : Tensor, shape [inputs, inputs], float32 or float64
        H, symmetric and positive definite; only its lower triangle is read.

    Returns
    -------
    Tensor, shape and dtype of ``hessian``

    Raises
    ------
    TypeError, ValueError
        If ``hessian`` is no finite square matrix, or cannot be inverted.

    Notes
    -----
    Computed in float64.

    Examples
    --------
    >>> import torch
    >>> inverse_factor(torch.tensor([[1.25, -1.0], [-1.0, 4.0]]))
    tensor([[1.0000, 0.2500],
            [0.0000, 0.5000]])
    """
    check_square("hessian", hessian, ("inputs", "inputs"))
    factor = _inverse_factor(hessian.double(), torch.finfo(hessian.dtype).eps)
    if factor is None:
        raise ValueError("hessian must be positive definite: damp it, with layer_hessian's damping.")
    return factor.to(hessian.dtype)


def compensate(
    weight: Float[Tensor, "outputs inputs"],
    column: int,
    values: Float[Tensor, "outputs"],
    hessian: Float[Tensor, "inputs inputs"],
) -> Float[Tensor, "outputs inputs"]:
    """Fix one column of a layer's weights, and let all others make up for it as well as they can.

    w ← w − (w_i − v_i) / [H⁻¹]_ii · [H⁻¹]_i,:

    Parameters
    ----------
    weight : Tensor, shape [outputs, inputs], float32 or float64
    column : int
        i, from 0.
    values : Tensor, shape [outputs], dtype of ``weight``
        v: what column i has to be afterwards, in each row.
    hessian : Tensor, shape [inputs, inputs], dtype of ``weight``
        H, positive definite.

    Returns
    -------
    Tensor, shape and dtype of ``weight``
        Of all weights whose column i is ``values``, those nearest in ½ δ H δᵀ. Column i is v exactly.

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or numbers do not fit.

    References
    ----------
    Hassibi and Stork 1992, *Second order derivatives for network pruning: Optimal brain surgeon*; for
    quantization Frantar and Alistarh 2022, arXiv:2208.11580, equation 7.

    Examples
    --------
    >>> import torch
    >>> hessian = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    >>> compensate(torch.tensor([[0.4, 0.7]]), 0, torch.tensor([0.0]), hessian)
    tensor([[0.0000, 0.9000]])
    """
    check_matrix("weight", weight, ("outputs", "inputs"))
    inputs = weight.shape[1]
    check_int("column", column, low=0, high=inputs - 1)
    check_values("values", values)
    check_same_kind("values", values, "weight", weight)
    check_same_shape("values", values, "a column of weight", weight[:, 0])
    check_square("hessian", hessian, ("inputs", "inputs"))
    check_same_kind("hessian", hessian, "weight", weight)
    if len(hessian) != inputs:
        raise ValueError(
            f"hessian must have a row for each of the {inputs} columns of weight, got {len(hessian)}."
        )
    factor = inverse_factor(hessian)
    row = factor[:, column] @ factor  # of H⁻¹
    moved = weight - torch.outer(weight[:, column] - values, row / row[column])
    moved[:, column] = values
    return moved


def _damped(hessian: Tensor, damping: float) -> Tensor:
    """Damp 2 XᵀX in place; a dead column stands alone, with a typical diagonal."""
    diagonal = hessian.diagonal()
    dead = diagonal == 0
    live = diagonal[~dead]
    typical = live.mean() if len(live) else diagonal.new_tensor(1.0)
    diagonal[dead] = typical
    diagonal += damping * typical
    return hessian


def _inverse_factor(hessian: Tensor, eps: float) -> Tensor | None:
    """The upper triangular U with UᵀU = H⁻¹, or None where H, exact to ``eps``, cannot be inverted."""
    lower, failed = torch.linalg.cholesky_ex(hessian)
    # A singular matrix leaves a pivot of 0 or of rounding errors, as the processor's library has it.
    rounding = len(hessian) * eps * hessian.diagonal().max()
    if failed or bool((lower.diagonal() ** 2 <= rounding).any()):
        return None
    return torch.linalg.cholesky(torch.cholesky_inverse(lower), upper=True)
