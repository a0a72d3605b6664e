"""Matrix products of codes: integers multiplied and added, scales and zero points put in afterwards."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.checks import check_codes, check_step, check_zero_point
from course_lib.validate import check_rank


def int_matmul(
    x_codes: Int[Tensor, "tokens dim"],
    w_codes: Int[Tensor, "outputs dim"],
    x_scale: float | Float[Tensor, "*tokens"],
    x_zero_point: int | Int[Tensor, "*tokens"],
    w_scale: float | Float[Tensor, "*outputs"],
    w_zero_point: int | Int[Tensor, "*outputs"],
) -> Float[Tensor, "tokens outputs"]:
    """Multiply quantized matrices, X̃ W̃ᵀ, in integers.

    Y_mn = s_x s_w [ Σ_k q_x q_w − z_w Σ_k q_x − z_x Σ_k q_w + K z_x z_w ]

    Parameters
    ----------
    x_codes : integer Tensor, shape [tokens, dim]
        Codes of at most 8 bits, as those below.
    w_codes : integer Tensor, shape [outputs, dim]
        Of the weight, outputs first as in torch.nn.Linear.
    x_scale, x_zero_point : number or Tensor of shape [tokens]
        One for all of X, or one for each token (a row).
    w_scale, w_zero_point : number or Tensor of shape [outputs]
        One for all of W, or one for each output channel (a row).

    Returns
    -------
    Tensor, shape [tokens, outputs]
        What the product of the dequantized matrices would be, up to its rounding; in the dtype of the scales.

    Raises
    ------
    TypeError, ValueError
        If codes are no integers of at most 8 bits, shapes do not fit, or ``dim`` is so large that an int32
        accumulator could overflow.

    Notes
    -----
    The four sums are exact, in int32: products of two 8-bit codes take 16 bits. The third sum and the fourth
    term depend on the weight alone and are computed once, before any input is seen; the second costs one sum
    per token, and vanishes for symmetric weights. A scale for each *input* channel could not be taken out of
    the sum over k: hence only rows have scales here.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877, section 2.3, equation 7.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1, 2]], dtype=torch.int8)
    >>> w = torch.tensor([[3, 4], [5, 6]], dtype=torch.int8)
    >>> int_matmul(x, w, 0.5, 1, 2.0, 3)  # 0.5 · 2 · [[0·0 + 1·1, 0·2 + 1·3]]
    tensor([[1., 3.]])
    """
    _check("x", x_codes, x_scale, x_zero_point)
    _check("w", w_codes, w_scale, w_zero_point)
    if x_codes.shape[1] != w_codes.shape[1]:
        raise ValueError(
            f"w_codes must have the width of x_codes: expected [{w_codes.shape[0]}, {x_codes.shape[1]}], "
            f"got {list(w_codes.shape)}."
        )
    most = (2**31 - 1) // max(1, _largest(x_codes) * _largest(w_codes))
    if x_codes.shape[1] > most:
        raise ValueError(
            f"dim must be at most {most} for these codes, got {x_codes.shape[1]}: "
            "an int32 accumulator could overflow."
        )
    return _int_matmul(x_codes, w_codes, x_scale, x_zero_point, w_scale, w_zero_point)


def _check(name: str, codes: object, scale: float | Tensor, zero_point: int | Tensor) -> None:
    check_codes(f"{name}_codes", codes)
    assert isinstance(codes, Tensor)
    check_rank(f"{name}_codes", codes, ("tokens" if name == "x" else "outputs", "dim"))
    low, high = int(codes.min()), int(codes.max())
    if low < -128 or high > 255:
        raise ValueError(f"{name}_codes must be of at most 8 bits, got values from {low} to {high}.")
    check_step(f"{name}_scale", scale)
    for what, value in ((f"{name}_scale", scale), (f"{name}_zero_point", zero_point)):
        if isinstance(value, Tensor) and value.ndim > 0 and list(value.shape) != [codes.shape[0]]:
            raise ValueError(
                f"{what} must be one number, or one for each of the {codes.shape[0]} rows of {name}_codes, "
                f"got shape {list(value.shape)}."
            )
    check_zero_point(f"{name}_zero_point", zero_point, zero_point)  # its shape may be another than scale's


def _largest(codes: Tensor) -> int:
    return max(int(codes.max()), -int(codes.min()))


def _int_matmul(
    x_codes: Tensor,
    w_codes: Tensor,
    x_scale: float | Tensor,
    x_zero_point: int | Tensor,
    w_scale: float | Tensor,
    w_zero_point: int | Tensor,
) -> Tensor:
    x, w = x_codes.to(torch.int32), w_codes.to(torch.int32)
    x_zero, w_zero = _column(x_zero_point, torch.int64), _column(w_zero_point, torch.int64).T
    sums = (x @ w.T).to(torch.int64)
    # int64 from here on: zero points may lie far outside the codes (a range that need not hold 0).
    of_x, of_w = x.sum(dim=1, keepdim=True), w.sum(dim=1, keepdim=True).T
    exact = sums - w_zero * of_x - x_zero * of_w + x.shape[1] * x_zero * w_zero
    scales = [value for value in (x_scale, w_scale) if isinstance(value, Tensor)]
    dtype = scales[0].dtype if scales else torch.get_default_dtype()
    return exact.to(dtype) * _column(x_scale, dtype) * _column(w_scale, dtype).T


def _column(value: float | Tensor, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(value).to(dtype).reshape(-1, 1)
