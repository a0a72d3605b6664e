"""One row of weights on its way through GPTQ, and all that follows from where it stands."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import quantization
from course_lib.quantization.checks import check_bits, check_values
from course_lib.validate import check_int, check_matrix, check_same_kind


@dataclass(frozen=True, eq=False)
class GPTQState:
    """Everything that the figure of the loop depends on.

    Parameters
    ----------
    weight : Tensor, shape [inputs], float32 or float64
        One row, not all 0.
    inputs : Tensor, shape [tokens, inputs], dtype of ``weight``
        What enters the layer.
    bits : int from 2 to 8
    done : int from 0 to the number of inputs
        Columns rounded so far, from the left.
    damping : float, default 0.01

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or numbers do not fit.
    """

    weight: Float[Tensor, "inputs"]
    inputs: Float[Tensor, "tokens inputs"]
    bits: int = 3
    done: int = 0
    damping: float = 0.01

    def __post_init__(self) -> None:
        check_values("weight", self.weight)
        check_matrix("inputs", self.inputs, ("tokens", "inputs"))
        check_same_kind("inputs", self.inputs, "weight", self.weight)
        if self.weight.ndim != 1 or len(self.weight) != self.inputs.shape[1]:
            raise ValueError(
                f"weight must be one row of {self.inputs.shape[1]} numbers, got {list(self.weight.shape)}."
            )
        check_bits("bits", self.bits)
        check_int("done", self.done, low=0, high=len(self.weight))

    @cached_property
    def grid(self) -> Tensor:
        """The values that have codes, ascending."""
        qmin, qmax = quantization.code_range(self.bits)
        codes = torch.arange(qmin, qmax + 1, dtype=self.weight.dtype)
        return (codes - self._qparams.zero_point) * self._qparams.scale

    @cached_property
    def path(self) -> Tensor:
        """The row after 0, 1, … columns, [inputs + 1, inputs], each error fed forward."""
        factor = quantization.inverse_factor(quantization.layer_hessian(self.inputs, self.damping))
        w, rows = self.weight.clone(), [self.weight.clone()]
        for i in range(len(w)):
            rounded = self._nearest(w[i])
            w[i + 1 :] -= (w[i] - rounded) / factor[i, i] * factor[i, i + 1 :]
            w[i] = rounded
            rows.append(w.clone())
        return torch.stack(rows)

    @cached_property
    def plain(self) -> Tensor:
        """The same with nothing fed forward."""
        rows = [self.weight.clone()]
        for i in range(len(self.weight)):
            row = rows[-1].clone()
            row[i] = self._nearest(row[i])
            rows.append(row)
        return torch.stack(rows)

    @property
    def now(self) -> Tensor:
        """The row as it stands."""
        return self.path[self.done]

    @cached_property
    def errors(self) -> tuple[Tensor, Tensor]:
        """Output error over the size of the output after each column: fed forward, and not."""
        return self._relative(self.path), self._relative(self.plain)

    @property
    def weight_errors(self) -> tuple[float, float]:
        """Squared error over squared size of the weights, as the row stands: fed forward, and not."""
        size = self.weight.square().sum()
        fed, plain = (
            float((rows[self.done] - self.weight).square().sum() / size) for rows in (self.path, self.plain)
        )
        return fed, plain

    @cached_property
    def _qparams(self) -> quantization.QParams:
        return quantization.affine_qparams(
            self.weight.min(), self.weight.max(), *quantization.code_range(self.bits)
        )

    def _nearest(self, value: Tensor) -> Tensor:
        return self.grid[(self.grid - value).abs().argmin()]

    def _relative(self, rows: Tensor) -> Tensor:
        off = (rows - self.weight) @ self.inputs.T
        return off.square().sum(dim=1) / (self.inputs @ self.weight).square().sum()


def gptq_example(correlation: float = 0.8, columns: int = 12, seed: int = 2) -> tuple[Tensor, Tensor]:
    """A row of weights and inputs that have a share of their variance in common, to walk through.

    Parameters
    ----------
    correlation : float from 0 to 1
        The share.
    columns : int
    seed : int

    Returns
    -------
    tuple of Tensor
        Weights, [columns], and inputs, [200, columns], float64.
    """
    generator = torch.Generator().manual_seed(seed)
    weight, signs = (torch.randn(columns, generator=generator, dtype=torch.float64) for _ in range(2))
    own = torch.randn(200, columns, generator=generator, dtype=torch.float64)
    common = torch.randn(200, 1, generator=generator, dtype=torch.float64)
    return weight, (1 - correlation) ** 0.5 * own + correlation**0.5 * common * signs.sign()
