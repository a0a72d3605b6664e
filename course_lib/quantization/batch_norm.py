"""Folding a batch normalisation into the layer before it."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.checks import check_values
from course_lib.validate import check_eps, check_rank, check_same_kind


def fold_batch_norm(
    weight: Float[Tensor, "outputs *inputs"],
    bias: Float[Tensor, " outputs"] | None,
    gamma: Float[Tensor, " outputs"],
    beta: Float[Tensor, " outputs"],
    running_mean: Float[Tensor, " outputs"],
    running_var: Float[Tensor, " outputs"],
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "outputs *inputs"], Float[Tensor, " outputs"]]:
    """Give weight and bias of one layer that does what a layer and its batch normalisation do.

    W′ = W · γ/√(σ² + ε),  b′ = (b − μ) · γ/√(σ² + ε) + β, each output channel by its own factor

    Parameters
    ----------
    weight : Tensor, shape [outputs, ...], float32 or float64
        Of a Linear or a Conv layer.
    bias : Tensor, shape [outputs], or None
        None for a layer without one.
    gamma, beta : Tensor, shape [outputs]
        What batch normalisation learns: its ``weight`` and ``bias``.
    running_mean, running_var : Tensor, shape [outputs]
        What it uses in evaluation mode.
    eps : float > 0, default 1e-5
        Of the batch normalisation; inside the root.

    Returns
    -------
    (Tensor, Tensor)
        Weight, of the shape of ``weight``, and bias, [outputs].

    Raises
    ------
    TypeError, ValueError
        If a tensor is not finite, has another dtype or length, or a variance is negative.

    Notes
    -----
    Holds for evaluation mode. The statistics of a batch would make the layer depend on whoever is in the
    batch. A factor for each output channel passes through symmetric quantization with a scale for each
    output channel: the codes of W′ and W are the same, up to the sign of γ. With one scale for the whole
    weight they are not.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877, section 3.2; Krishnamoorthi 2018, arXiv:1806.08342, section 3.2.2.

    Examples
    --------
    >>> one, four = torch.ones(1), torch.tensor([4.0])
    >>> fold_batch_norm(torch.tensor([[2.0, 6.0]]), None, one, one, running_mean=one, running_var=four)
    (tensor([[1.0000, 3.0000]]), tensor([0.5000]))
    """
    check_values("weight", weight)
    if weight.ndim < 2:
        raise ValueError(f"weight must be [outputs, ...], got shape {list(weight.shape)}.")
    vectors = {"bias": bias, "gamma": gamma, "beta": beta}
    for name, vector in (vectors | {"running_mean": running_mean, "running_var": running_var}).items():
        if name == "bias" and vector is None:
            continue
        check_values(name, vector)
        assert vector is not None
        check_rank(name, vector, ("outputs",))
        check_same_kind(name, vector, "weight", weight)
        if len(vector) != len(weight):
            raise ValueError(
                f"{name} must have one entry for each of the {len(weight)} outputs, got {len(vector)}."
            )
    check_eps("eps", eps, weight.dtype)
    if running_var.min() < 0:
        raise ValueError(f"running_var must not be negative, got {float(running_var.min()):g}.")
    return _fold_batch_norm(weight, bias, gamma, beta, running_mean, running_var, eps)


def _fold_batch_norm(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    var: Tensor,
    eps: float,
) -> tuple[Tensor, Tensor]:
    factor = gamma * torch.rsqrt(var + eps)
    shift = -mean if bias is None else bias - mean
    return weight * factor.reshape(-1, *[1] * (weight.ndim - 1)), shift * factor + beta
