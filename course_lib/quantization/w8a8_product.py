"""The product of a W8A8 layer as a function, in the dtype of its input: what `W8A8Linear` does in float32."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.affine import _quantize
from course_lib.quantization.checks import check_step
from course_lib.quantization.granularity import quantize_per_channel, quantize_per_tensor
from course_lib.quantization.kernels import exact_sums
from course_lib.quantization.qparams import SMALLEST_SCALE
from course_lib.validate import check_matrix, check_same_kind

#: Symmetric int8: −127 … 127.
QMAX = 127


def w8a8_linear(
    x: Float[Tensor, "tokens dim"],
    weight: Float[Tensor, "outputs dim"],
    x_scale: float | None = None,
    per_channel: bool = True,
) -> Float[Tensor, "tokens outputs"]:
    """Multiply int8 activations by int8 weights, and put the scales in afterwards.

    q_x = clip(round(x / s_x), −127, 127), q_w likewise; Y_mn = s_x s_w Σ_k q_x[m, k] q_w[n, k]

    Parameters
    ----------
    x : Tensor, shape [tokens, dim], float32 or float64
    weight : Tensor, shape [outputs, dim], of the same dtype
    x_scale : float > 0, optional
        One static scale for all activations, from calibration: what lies beyond 127 of it is clipped.
        Default: each token gets its own, max|x_t| / 127.
    per_channel : bool, default True
        Whether each output channel of the weight gets its own scale, max|W_n| / 127, or one scale serves the
        whole matrix.

    Returns
    -------
    Tensor, shape [tokens, outputs]
        In the dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        If ``x`` or ``weight`` is no finite, non-empty float matrix, widths or dtypes differ, or ``x_scale``
        is not positive.

    Notes
    -----
    The sums over k are exact integers. A scale for each *input* channel could not be taken out of them: this
    is why SmoothQuant moves it into the weight instead. For speed use `W8A8Linear`, which keeps the weight's
    codes and calls the processor's integer units.

    References
    ----------
    Xiao et al. 2022, arXiv:2211.10438, section 2 and figure 3.

    Examples
    --------
    >>> x, weight = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, -1.0]])
    >>> w8a8_linear(x, weight)
    tensor([[-1.4921]])
    """
    check_matrix("x", x, ("tokens", "dim"))
    check_matrix("weight", weight, ("outputs", "dim"))
    check_same_kind("weight", weight, "x", x)
    if weight.shape[1] != x.shape[1]:
        raise ValueError(
            f"weight must have one column for each of the {x.shape[1]} channels of x, "
            f"got shape {list(weight.shape)}."
        )
    if x_scale is not None:
        check_step("x_scale", x_scale)
    return _w8a8_linear(x.detach(), weight.detach(), x_scale, per_channel)


def _w8a8_linear(x: Tensor, weight: Tensor, x_scale: float | None, per_channel: bool) -> Tensor:
    grid = quantize_per_channel if per_channel else quantize_per_tensor
    w_codes, w_scale, _ = grid(weight, -QMAX, QMAX, symmetric=True)
    scale = (
        (x.abs().amax(dim=1, keepdim=True) / QMAX).clamp_min(SMALLEST_SCALE)
        if x_scale is None
        else torch.as_tensor(x_scale, dtype=x.dtype, device=x.device)
    )
    x_codes = _quantize(x, scale, torch.zeros_like(scale, dtype=torch.int64), -QMAX, QMAX)
    return exact_sums(x_codes, w_codes).to(x.dtype) * scale * w_scale
