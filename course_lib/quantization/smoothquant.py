"""SmoothQuant's scales: how much of an activation channel's size its weights take over.

What is done with them, dividing here and multiplying there, is in `folding`.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.checks import check_values
from course_lib.validate import check_array, check_matrix, check_same_kind, check_share, check_tensor

#: The authors' smallest weight maximum, and their smallest scale.
CLAMP = 1e-5


def act_absmax(batches: Iterable[Float[Tensor, "*tokens channels"]]) -> Float[Tensor, "channels"]:
    """The largest magnitude that each input channel takes, over all tokens of all batches.

    max|X_j| = max over batches and tokens t of |x_tj|

    Parameters
    ----------
    batches : iterable of Tensor, each of shape [..., channels], float32 or float64
        Calibration data: what enters the linear layer. Batches may differ in all axes but the last. They are
        read once, so a generator will do.

    Returns
    -------
    Tensor, shape [channels]
        At least 0; in the dtype of the batches.

    Raises
    ------
    TypeError, ValueError
        If there are no batches, ``batches`` is one tensor (its rows would pass for batches), or one of them
        is empty, not finite, or of another width or dtype than the first.

    References
    ----------
    Xiao et al. 2022, arXiv:2211.10438, section 4.

    Examples
    --------
    >>> act_absmax([torch.tensor([[1.0, -4.0]]), torch.tensor([[-2.0, 3.0], [0.0, 0.0]])])
    tensor([2., 4.])
    """
    if isinstance(batches, Tensor):
        raise TypeError("batches must be an iterable of tensors, got one tensor: put it into a list.")
    most: Tensor | None = None
    for number, batch in enumerate(batches):
        name = f"batches[{number}]"
        check_values(name, batch)
        if batch.ndim == 0:
            raise ValueError(f"{name} must have a last axis, the channels, got a single number.")
        of_batch = batch.detach().abs().reshape(-1, batch.shape[-1]).amax(dim=0)
        if most is None:
            most = of_batch
            continue
        check_same_kind(name, of_batch, "batches[0]", most)
        if of_batch.shape != most.shape:
            raise ValueError(
                f"{name} must have the {len(most)} channels of the batches before, got {len(of_batch)}."
            )
        most = torch.maximum(most, of_batch)
    if most is None:
        raise ValueError("batches must hold at least one tensor, got none.")
    return most


def smooth_scales(
    act_absmax: Float[Tensor, "channels"],
    weights: Float[Tensor, "outputs channels"] | Sequence[Float[Tensor, "outputs channels"]],
    alpha: float = 0.5,
) -> Float[Tensor, "channels"]:
    """How much each activation channel is divided by, and the weights that read it multiplied by.

    s_j = max|X_j|^α / max|W_j|^{1−α}; the maximum of the weights is over the outputs of all consumers

    Parameters
    ----------
    act_absmax : Tensor, shape [channels], float32 or float64
        From `act_absmax`.
    weights : Tensor of shape [outputs, channels], or a sequence of such
        The weights that read this input: for a norm before attention those of q, k and v together. They share
        the input, so they have to share s.
    alpha : float from 0 to 1, default 0.5
        How much of the difficulty moves from activations to weights: with α = ½ channel j has the maximum
        √(max|X_j| max|W_j|) on both sides, with 1 all activation channels have the maximum 1, with 0 all
        weight channels. The authors use 0.5 for OPT and BLOOM, 0.85 for LLaMA 2.

    Returns
    -------
    Tensor, shape [channels]
        At least 1e-5, finite.

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or ``alpha`` do not fit, values are not finite, or a magnitude is negative.

    Notes
    -----
    As in the authors' code, max|W_j| and then s_j are at least 1e-5, so that nothing becomes NaN or
    infinite. A channel whose weights are all 0 gets max|X_j|^α / 1e-5^{1−α}, which changes nothing: its
    product is 0. A channel that was 0 in all calibration data gets 1e-5 (for α > 0): the function is still
    preserved, but if the channel comes alive later it enters the quantizer 100,000 times as large. Calibrate
    on data in which the channels that matter do occur.

    References
    ----------
    Xiao et al. 2022, arXiv:2211.10438, equation 4; the clamps are from the authors' `smooth_ln_fcs`.

    Examples
    --------
    >>> weight = torch.tensor([[0.5, -1.0], [0.25, 0.5]])
    >>> smooth_scales(torch.tensor([8.0, 1.0]), weight)
    tensor([4., 1.])
    """
    check_array("act_absmax", act_absmax, ("channels",))
    if bool((act_absmax < 0).any()):
        raise ValueError(
            f"act_absmax must be at least 0, got {act_absmax.min().item():g}: it holds magnitudes."
        )
    check_share("alpha", alpha)
    consumers = [weights] if isinstance(weights, Tensor) else _as_list(weights)
    for number, weight in enumerate(consumers):
        name = "weights" if isinstance(weights, Tensor) else f"weights[{number}]"
        check_matrix(name, weight, ("outputs", "channels"))
        check_same_kind(name, weight, "act_absmax", act_absmax)
        if weight.shape[1] != len(act_absmax):
            raise ValueError(
                f"{name} must have one column for each of the {len(act_absmax)} channels of act_absmax, "
                f"got shape {list(weight.shape)}."
            )
    return _smooth_scales(act_absmax.detach(), [weight.detach() for weight in consumers], alpha)


def _as_list(weights: object) -> list[Tensor]:
    if not isinstance(weights, Iterable):
        check_tensor("weights", weights)
    consumers = list(weights)  # type: ignore[call-overload]
    if not consumers:
        raise ValueError("weights must hold at least one tensor, got none.")
    return consumers


def _smooth_scales(act: Tensor, weights: list[Tensor], alpha: float) -> Tensor:
    largest = torch.stack([weight.abs().amax(dim=0) for weight in weights]).amax(dim=0).clamp_min(CLAMP)
    return (act**alpha / largest ** (1 - alpha)).clamp_min(CLAMP)
