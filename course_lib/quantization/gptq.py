"""GPTQ: round a layer's weights one column at a time, and let the columns to come make up for the error."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.affine import _code_dtype, _dequantize, _quantize
from course_lib.quantization.checks import check_bits, check_group_size, check_values
from course_lib.quantization.hessian import _damped, _inverse_factor
from course_lib.quantization.qparams import QParams, affine_qparams, code_range
from course_lib.validate import check_int, check_matrix, check_not_negative, check_same_kind

#: What the scale of a group is taken from.
GROUP_SCALES = ("block", "updated", "original")


class GPTQ(NamedTuple):
    """Codes with what is needed to read them, and the weights that they stand for."""

    weight: Float[Tensor, "outputs inputs"]
    codes: Int[Tensor, "outputs inputs"]
    scale: Float[Tensor, "outputs *groups"]
    zero_point: Int[Tensor, "outputs *groups"]
    group_of: Int[Tensor, "inputs"]


def gptq_quantize(
    weight: Float[Tensor, "outputs inputs"],
    inputs: Float[Tensor, "*tokens inputs"],
    bits: int,
    symmetric: bool = False,
    group_size: int | None = None,
    damping: float = 0.01,
    block_size: int = 128,
    act_order: bool = False,
    *,
    group_scales: str = "block",
    full_range: bool = True,
) -> GPTQ:
    """Quantize a linear layer so that its output on given inputs changes little.

    H = 2 XᵀX + λI, λ = damping · mean of the diagonal of 2 XᵀX;  H⁻¹ = UᵀU, U upper triangular (Cholesky).
    For each column i in turn: w̃_i = the nearest value of the grid, e = (w_i − w̃_i) / U_ii, and
    w_j ← w_j − e U_ij for all j > i: the update after which ‖X Wᵀ − X W̃ᵀ‖² grows least.

    Parameters
    ----------
    weight : Tensor, shape [outputs, inputs], float32 or float64
        As nn.Linear keeps it.
    inputs : Tensor, shape [..., inputs], dtype of ``weight``
        X: what enters the layer on calibration data; all axes but the last are tokens.
    bits : int from 2 to 16
    symmetric : bool, default False
        As for `affine_qparams`.
    group_size : int, optional
        Columns that share a scale within a row; None: the whole row.
    damping : float ≥ 0, default 0.01
        What keeps H invertible when there are fewer tokens than inputs, or inputs depend on one another.
    block_size : int, default 128
        Columns whose updates are gathered before the columns to the right see them, in one matrix product:
        faster on large layers, the same result up to rounding.
    act_order : bool, default False
        Take the columns in order of falling H_ii: those that see the largest inputs while most others can
        still make up for them.
    group_scales : "block", "updated" or "original", default "block"
        Where a group's scale comes from. "block", as in the authors' code: its weights as they stood when the
        current block began, without the updates from columns of this block; depends on ``block_size`` if
        groups start inside a block. "updated": its weights as they stand when its first column is reached.
        "original": the weights as given, groups being neighbours in them with act_order too ("static").
    full_range : bool, default True
        As for `affine_qparams`: symmetric grids divide by (2^b − 1)/2, as the authors' do.

    Returns
    -------
    GPTQ
        ``weight``, the W̃ in the shape and dtype of W; ``codes``, signed; ``scale`` and ``zero_point`` of
        shape [outputs], or [outputs, groups]; ``group_of``, shape [inputs], the group of each column. With
        act_order and scales that are not "original", a group is a run of columns in the order of treatment:
        `dequantize` cannot read these codes, but (codes − zero_point[:, group_of]) · scale[:, group_of] is W̃.

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or numbers do not fit, or H cannot be inverted for want of damping.

    Notes
    -----
    Computed in float64. An input that is always 0 is a dead column: its weights cannot matter on this data
    and become 0 before grids are laid, and it does not count in the mean of the damping. (The authors do
    likewise, but let dead weights stretch a row's only grid, and count them in the mean.) The error of the
    weights is usually *larger* than that of rounding to nearest: they leave their values on purpose.

    Scales from "updated" weights sound better than those from "block", and are not reliably so: which has the
    smaller error depends on the layer, and symmetric grids of 2 bits are often better off with "block".

    With ``full_range`` the largest weight of a symmetric group lies half-way between two codes: if it is the
    first to be rounded, a rounding error decides which, and other codes follow from it.

    References
    ----------
    Frantar et al. 2022, arXiv:2210.17323, algorithm 1; act-order and static groups: the authors' code.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = torch.randn(50, 8, generator=generator) @ torch.randn(8, 8, generator=generator)
    >>> weight = torch.randn(4, 8, generator=generator)
    >>> nearest = gptq_quantize(weight, torch.eye(8), 3).weight  # inputs that are not correlated
    >>> ours = gptq_quantize(weight, x, 3).weight
    >>> [round((x @ (found - weight).T).square().mean().item(), 2) for found in (nearest, ours)]
    [2.0, 0.59]
    """
    check_matrix("weight", weight, ("outputs", "inputs"))
    check_values("inputs", inputs)
    check_same_kind("inputs", inputs, "weight", weight)
    width = weight.shape[1]
    if inputs.ndim < 2 or inputs.shape[-1] != width:
        raise ValueError(
            f"inputs must have shape [..., {width}], one number for each column of weight, "
            f"got {list(inputs.shape)}."
        )
    check_bits("bits", bits)
    if group_size is not None:
        check_group_size(group_size, width)
    check_not_negative("damping", damping)
    if damping == float("inf"):
        raise ValueError("damping must be finite, got inf.")
    check_int("block_size", block_size, low=1)
    if group_scales not in GROUP_SCALES:
        raise ValueError(f"group_scales must be one of {', '.join(GROUP_SCALES)}, got {group_scales!r}.")
    layer = _Layer(weight.detach(), bits, symmetric, group_size, full_range)
    with torch.no_grad():
        return layer.quantize(
            inputs.detach().reshape(-1, width), damping, block_size, act_order, group_scales
        )


class _Layer:
    """One run of the algorithm over checked arguments."""

    def __init__(
        self, weight: Tensor, bits: int, symmetric: bool, group_size: int | None, full_range: bool
    ) -> None:
        self.weight, self.symmetric, self.full_range = weight, symmetric, full_range
        self.grouped, self.group_size = group_size is not None, group_size or weight.shape[1]
        self.codes = code_range(bits)

    def quantize(
        self, x: Tensor, damping: float, block_size: int, act_order: bool, group_scales: str
    ) -> GPTQ:
        hessian = 2 * x.double().T @ x.double()
        dead = hessian.diagonal() == 0
        width = len(dead)
        order = torch.arange(width, device=x.device)
        if act_order:
            order = torch.argsort(hessian.diagonal(), descending=True, stable=True)
        factor = _inverse_factor(_damped(hessian[order][:, order], damping), torch.finfo(hessian.dtype).eps)
        if factor is None:
            raise ValueError(
                f"damping must be larger, got {damping:g}: with {len(x)} tokens for {width} inputs "
                "the Hessian cannot be inverted."
            )
        given = torch.where(dead, 0.0, self.weight.double())
        w = given[:, order]
        static = group_scales == "original" or not self.grouped
        group_of = (
            order // self.group_size if static else torch.arange(width, device=x.device) // self.group_size
        )
        grids = [self._grid(group) for group in given.split(self.group_size, dim=1)] if static else []
        codes = torch.empty_like(w, dtype=torch.int32)
        for start in range(0, width, block_size):
            stop = min(start + block_size, width)
            errors = w.new_zeros(len(w), stop - start)
            for i in range(start, stop):
                if not static and i % self.group_size == 0:
                    seen = i if group_scales == "updated" else start
                    grids.append(self._grid(_current(w, errors, factor, start, seen, i, i + self.group_size)))
                scale, zero_point = grids[int(group_of[i])]
                column = _current(w, errors, factor, start, i, i, i + 1)[:, 0]
                codes[:, i] = _quantize(column, scale.double(), zero_point, *self.codes)
                rounded = _dequantize(codes[:, i], scale.double(), zero_point)
                errors[:, i - start] = (column - rounded) / factor[i, i]
            w[:, stop:] -= errors @ factor[start:stop, stop:]
        back = torch.argsort(order)
        return self._result(codes[:, back], grids, group_of[back])

    def _grid(self, group: Tensor) -> QParams:
        # Back in the weights' dtype before the rounding: the scale in use is the one that is returned.
        low, high = group.amin(dim=1).to(self.weight.dtype), group.amax(dim=1).to(self.weight.dtype)
        return affine_qparams(low, high, *self.codes, self.symmetric, full_range=self.full_range)

    def _result(self, codes: Tensor, grids: list[QParams], group_of: Tensor) -> GPTQ:
        scale, zero_point = (torch.stack(parts, dim=1) for parts in zip(*grids, strict=True))
        values = _dequantize(codes, scale[:, group_of], zero_point[:, group_of])
        codes = codes.to(_code_dtype(*self.codes))
        if not self.grouped:
            scale, zero_point = scale[:, 0], zero_point[:, 0]
        return GPTQ(values, codes, scale, zero_point, group_of)


def _current(
    w: Tensor, errors: Tensor, factor: Tensor, start: int, seen: int, first: int, last: int
) -> Tensor:
    """Columns first … last, with the updates of the block that came from columns start … seen."""
    return w[:, first:last] - errors[:, : seen - start] @ factor[start:seen, first:last]
