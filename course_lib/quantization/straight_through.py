"""Quantization inside a network that is trained: rounded in the forward pass, transparent in the backward."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.affine import _check_grid, spread
from course_lib.quantization.checks import check_code_range, check_values


def round_ste(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Round in the forward pass, and let the gradient through unchanged in the backward pass.

    y = round(x),  ∂L/∂x = ∂L/∂y

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
        In units of the step: whole numbers are the grid.

    Returns
    -------
    Tensor, shape and dtype of ``x``
        Whole numbers; halves go to the even neighbour.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is no finite, non-empty float tensor.

    Notes
    -----
    Rounding alone has no range, so the gradient is 1 everywhere. With a clip behind it, autograd itself makes
    the gradient 0 where the clip cuts off: `fake_quantize` is ``s * round_ste(x / s).clamp(qmin, qmax)`` for
    z = 0.

    References
    ----------
    Bengio et al. 2013, arXiv:1308.3432, section 3.

    Examples
    --------
    >>> x = torch.tensor([0.4, 1.7], requires_grad=True)
    >>> (round_ste(x) ** 2).sum().backward()
    >>> x.grad
    tensor([0., 4.])
    """
    check_values("x", x)
    # x − x is exactly 0, so that the values are whole to the last bit.
    return torch.round(x.detach()) + (x - x.detach())


def fake_quantize(
    x: Float[Tensor, "*shape"],
    scale: float | Float[Tensor, "*channels"],
    zero_point: int | Int[Tensor, "*channels"],
    qmin: int,
    qmax: int,
    axis: int | None = None,
) -> Float[Tensor, "*shape"]:
    """Quantize and dequantize at once, with a gradient that training can use.

    x̃ = s (clip(round(x/s) + z, qmin, qmax) − z),  ∂L/∂x = ∂L/∂x̃ where qmin ≤ round(x/s) + z ≤ qmax, else 0

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    scale : float > 0, or Tensor
        Width of a step: one, [channels] along ``axis``, or [rows, groups] for groups of the last axis.
    zero_point : int, or integer Tensor of the shape of ``scale``
        The code of 0.
    qmin, qmax : int
        The codes.
    axis : int, optional
        Which axis of ``x`` the channels are, for a ``scale`` of shape [channels].

    Returns
    -------
    Tensor, shape and dtype of ``x``
        Values of the grid.

    Raises
    ------
    TypeError, ValueError
        As for `quantize`.

    Notes
    -----
    The rounding is a staircase, whose true derivative is 0 almost everywhere: nothing would be learned. The
    straight-through estimator takes it for the identity inside the clipping range, and for the constant that
    it is outside. The scale gets no gradient here, as in torch.fake_quantize_per_tensor_affine.

    References
    ----------
    Bengio et al. 2013, arXiv:1308.3432, section 3; Jacob et al. 2017, arXiv:1712.05877, section 3.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([-5.0, 0.26, 0.74], requires_grad=True)
    >>> fake_quantize(x, 0.5, 0, -4, 3)
    tensor([-2.0000,  0.5000,  0.5000], grad_fn=<AddBackward0>)
    >>> fake_quantize(x, 0.5, 0, -4, 3).sum().backward()
    >>> x.grad
    tensor([0., 1., 1.])
    """
    check_values("x", x)
    _check_grid(x, scale, zero_point, axis)
    check_code_range(qmin, qmax)
    return _fake_quantize(x, spread(scale, x, axis), spread(zero_point, x, axis), qmin, qmax)


def _fake_quantize(
    x: Tensor, scale: float | Tensor, zero_point: float | Tensor, qmin: int, qmax: int
) -> Tensor:
    if isinstance(scale, Tensor):
        scale = scale.detach()
    codes = torch.round(x.detach() / scale) + zero_point
    inside = (codes >= qmin) & (codes <= qmax)
    values = (codes.clamp(qmin, qmax) - zero_point) * scale
    # What carries the gradient is x − x: exactly 0, so that the value is that of the grid to the last bit.
    carrier = torch.where(inside, x, torch.zeros_like(x))
    return values.to(x.dtype) + (carrier - carrier.detach())
