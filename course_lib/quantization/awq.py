"""AWQ: stretch the weight columns that see large inputs before rounding, and shrink the inputs to match."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.affine import _dequantize, _quantize, spread
from course_lib.quantization.checks import check_bits, check_group_size, check_values
from course_lib.quantization.qparams import affine_qparams, code_range
from course_lib.validate import check_array, check_int, check_matrix, check_same_kind

#: The authors' smallest mean magnitude to the power α.
CLAMP = 1e-4


class AWQScale(NamedTuple):
    """The best scale of the grid, and what the whole grid costs."""

    scale: Float[Tensor, "inputs"]
    alpha: float
    error: float
    errors: Float[Tensor, "grid"]


def awq_search_scale(
    weight: Float[Tensor, "outputs inputs"],
    inputs: Float[Tensor, "*tokens inputs"],
    bits: int,
    group_size: int | None = None,
    symmetric: bool = False,
    grid: int = 20,
) -> AWQScale:
    """Find how far to stretch each weight column before rounding, by trying powers of its mean input.

    s(α)_j = max(mean over tokens |x_j|^α, 1e-4), divided by √(max s · min s);  α = 0, 1/grid, …, 1 − 1/grid.
    Chosen is the α whose s has the least mean of (X Wᵀ − X (Q(W diag(s)) diag(1/s))ᵀ)².

    Parameters
    ----------
    weight : Tensor, shape [outputs, inputs], float32 or float64
        Layers that read one input (q, k and v) need one s: pass ``torch.cat`` of their weights. Rows are
        quantized independently of each other, so that nothing else changes.
    inputs : Tensor, shape [..., inputs], dtype of ``weight``
        X: what enters the layer on calibration data; all axes but the last are tokens.
    bits : int from 2 to 16
    group_size : int, optional
        Columns that share a step within a row; None: the whole row.
    symmetric : bool, default False
        As for `affine_qparams`; the paper's grids are not.
    grid : int, default 20
        How many α are tried.

    Returns
    -------
    AWQScale
        ``scale``, shape [inputs], positive: what the columns are multiplied by, and the inputs divided by.
        ``alpha``; ``error``, mean squared, in squared units of the output; ``errors``, shape [grid], of
        every α.

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or numbers do not fit, or values are not finite.

    Notes
    -----
    α = 0 is rounding to nearest without scales. It is in the grid, so on the *given* inputs the result is
    never worse; of equal ones the smallest α is taken. The mean, not the maximum, of |x|: one token must not
    decide. A power of the mean, as in the authors' code (``mean ** ratio``), not the mean of powers.

    To use s: either quantize W diag(s) and fold 1/s into the layer before, with `apply_smoothing` or
    `fold_into_linear` (which give W diag(s)), or, to measure, use `awq_weight`, which holds both factors.

    llm-awq does not widen ranges so that they hold 0; here they do, as everywhere in this package. It matters
    only to groups of one sign. The authors' code also clips weights in a second search; this is the first.

    References
    ----------
    Lin et al. 2023, arXiv:2306.00978, equations 4 and 5; clamp and normalisation: `auto_scale.py` of llm-awq.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = torch.randn(50, 8, generator=generator) * torch.tensor([20.0] + [1.0] * 7)
    >>> found = awq_search_scale(torch.randn(4, 8, generator=generator), x, 3)
    >>> found.alpha > 0, bool(found.error < found.errors[0]), int(found.scale.argmax())
    (True, True, 0)
    """
    _check(weight, bits, group_size)
    check_values("inputs", inputs)
    check_same_kind("inputs", inputs, "weight", weight)
    width = weight.shape[1]
    if inputs.ndim < 2 or inputs.shape[-1] != width:
        raise ValueError(
            f"inputs must have shape [..., {width}], one number for each column of weight, "
            f"got {list(inputs.shape)}."
        )
    check_int("grid", grid, low=1)
    x = inputs.detach().reshape(-1, width)
    return _search(weight.detach(), x, bits, group_size or width, symmetric, grid)


def awq_weight(
    weight: Float[Tensor, "outputs inputs"],
    scale: Float[Tensor, "inputs"],
    bits: int,
    group_size: int | None = None,
    symmetric: bool = False,
) -> Float[Tensor, "outputs inputs"]:
    """The weights that a layer has in effect after AWQ.

    W̃ = Q(W diag(s)) diag(1/s)

    Parameters
    ----------
    weight : Tensor, shape [outputs, inputs], float32 or float64
    scale : Tensor, shape [inputs], positive
        s, from `awq_search_scale`.
    bits, group_size, symmetric :
        As for `awq_search_scale`.

    Returns
    -------
    Tensor, shape and dtype of ``weight``
        No longer on one grid in each group: the factor 1/s belongs to the input.

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or numbers do not fit, or a scale is not positive.

    Examples
    --------
    >>> weight = torch.tensor([[0.4, -7.0]])
    >>> awq_weight(weight, torch.tensor([1.0, 1.0]), 4, symmetric=True)
    tensor([[ 0., -7.]])
    >>> awq_weight(weight, torch.tensor([10.0, 1.0]), 4, symmetric=True)
    tensor([[ 0.4000, -7.0000]])
    """
    _check(weight, bits, group_size)
    check_array("scale", scale, ("inputs",))
    check_same_kind("scale", scale, "weight", weight)
    if len(scale) != weight.shape[1]:
        raise ValueError(
            f"scale must hold one number for each of the {weight.shape[1]} columns of weight, "
            f"got {len(scale)}."
        )
    if bool((scale <= 0).any()):
        raise ValueError(f"scale must be positive, got {scale.min().item():g}.")
    return _awq_weight(weight.detach(), scale.detach(), bits, group_size or weight.shape[1], symmetric)


def _check(weight: object, bits: object, group_size: object) -> None:
    check_matrix("weight", weight, ("outputs", "inputs"))
    assert isinstance(weight, Tensor)
    check_bits("bits", bits)
    if group_size is not None:
        check_group_size(group_size, weight.shape[1])


def _search(weight: Tensor, x: Tensor, bits: int, group_size: int, symmetric: bool, grid: int) -> AWQScale:
    size = x.abs().mean(dim=0)
    scales = [_normalised(size ** (step / grid)) for step in range(grid)]
    # The output's error through XᵀX, which is taken once: tokens then cost nothing in the loop.
    gram = x.double().T @ x.double()
    errors = []
    for scale in scales:
        off = (_awq_weight(weight, scale, bits, group_size, symmetric) - weight).double()
        errors.append(((off @ gram) * off).sum() / (len(x) * len(weight)))
    best = min(range(grid), key=lambda step: errors[step].item())
    return AWQScale(scales[best], best / grid, errors[best].item(), torch.stack(errors).to(weight.dtype))


def _normalised(scale: Tensor) -> Tensor:
    scale = scale.clamp_min(CLAMP)
    return scale / (scale.max() * scale.min()).sqrt()


def _awq_weight(weight: Tensor, scale: Tensor, bits: int, group_size: int, symmetric: bool) -> Tensor:
    stretched = weight * scale
    codes, groups = code_range(bits), stretched.unflatten(1, (-1, group_size))
    grid = affine_qparams(groups.amin(dim=2), groups.amax(dim=2), *codes, symmetric)
    step, zero_point = (spread(value, weight, None) for value in grid)
    return _dequantize(_quantize(stretched, step, zero_point, *codes), step, zero_point) / scale
