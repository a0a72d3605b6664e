"""Which migration strength suits a layer: tried one by one, and judged on data that set no range."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.smoothquant import _as_list, _smooth_scales, smooth_scales
from course_lib.quantization.w8a8_product import QMAX, _w8a8_linear
from course_lib.validate import check_array, check_matrix, check_same_kind


class AlphaSearch(NamedTuple):
    """The best migration strength, and the relative error of every candidate."""

    alpha: Float[Tensor, ""]
    errors: Float[Tensor, "candidates"]


def search_alpha(
    calibration: Float[Tensor, "tokens channels"],
    held_out: Float[Tensor, "more_tokens channels"],
    weights: Float[Tensor, "outputs channels"] | Sequence[Float[Tensor, "outputs channels"]],
    alphas: Float[Tensor, "candidates"],
    per_token: bool = False,
    per_channel: bool = True,
) -> AlphaSearch:
    """Try migration strengths, and keep the one with the least output error on held-out tokens.

    error(α) = ‖Q(X / s) Q(W s)ᵀ − X Wᵀ‖² / ‖X Wᵀ‖², with s = s(α) and the static scale of Q(X / s) from the
    calibration tokens, and X the held-out tokens

    Parameters
    ----------
    calibration : Tensor, shape [tokens, channels], float32 or float64
        What may set ranges: max|X_j|, and with it s and the static scale.
    held_out : Tensor, shape [more_tokens, channels]
        What judges. Tokens that lie beyond the calibrated range are clipped, as they will be in use.
    weights : Tensor of shape [outputs, channels], or a sequence of such
        The weights that read this input, as for `smooth_scales`. Each is quantized by itself.
    alphas : Tensor, shape [candidates]
        Strengths from 0 to 1; among equally good ones the first counts.
    per_token : bool, default False
        Whether each token gets its own activation scale instead of the static one.
    per_channel : bool, default True
        Whether each output of a weight gets its own scale.

    Returns
    -------
    AlphaSearch

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, values are not finite, a strength is no number from 0 to 1, or the
        held-out outputs are all 0.

    Notes
    -----
    The largest |x| would be a poor judge: it is least at α = 1, whatever that does to the weights. The error
    of the best candidate is optimistic, because it was the best: report that of a third set.

    References
    ----------
    Xiao et al. 2022, arXiv:2211.10438, section 4 and figure 10: the sweet spot of α.

    Examples
    --------
    >>> x = torch.ones(4, 3)
    >>> x[:, 1] = 100.0
    >>> x[:, 2] = torch.tensor([0.3, -0.6, 0.9, 0.1])
    >>> weight = torch.tensor([[0.3, -0.01, 0.5], [-0.7, 0.012, 0.2]])
    >>> search_alpha(x[:2], x[2:], weight, torch.tensor([0.0, 0.5, 1.0])).alpha
    tensor(0.5000)
    """
    check_matrix("calibration", calibration, ("tokens", "channels"))
    check_matrix("held_out", held_out, ("tokens", "channels"))
    check_same_kind("held_out", held_out, "calibration", calibration)
    if held_out.shape[1] != calibration.shape[1]:
        raise ValueError(
            f"held_out must have the {calibration.shape[1]} channels of calibration, got {held_out.shape[1]}."
        )
    check_array("alphas", alphas, ("candidates",))
    if bool(((alphas < 0) | (alphas > 1)).any()):
        raise ValueError(f"alphas must lie between 0 and 1, got {alphas.min():g} to {alphas.max():g}.")
    smooth_scales(calibration.detach().abs().amax(dim=0), weights)  # checks the weights
    consumers = [weights] if isinstance(weights, Tensor) else _as_list(weights)
    truth = torch.cat([held_out @ weight.T for weight in consumers], dim=1).detach()
    if not bool(truth.any()):
        raise ValueError("held_out must give outputs that are not all 0: there is nothing to compare with.")
    errors = _errors(
        calibration.detach(), held_out.detach(), consumers, truth, alphas, per_token, per_channel
    )
    return AlphaSearch(alphas[errors.argmin()], errors)


def _errors(
    calibration: Tensor,
    held_out: Tensor,
    weights: list[Tensor],
    truth: Tensor,
    alphas: Tensor,
    per_token: bool,
    per_channel: bool,
) -> Tensor:
    largest = calibration.abs().amax(dim=0)
    errors = []
    for alpha in alphas.tolist():
        scales = _smooth_scales(largest, weights, alpha)
        # The calibration tokens' maximum after smoothing is the maximum of the smoothed channel maxima.
        x_scale = None if per_token else max(float((largest / scales).max()) / QMAX, 1e-12)
        outputs = [
            _w8a8_linear(held_out / scales, w.detach() * scales, x_scale, per_channel) for w in weights
        ]
        errors.append(((torch.cat(outputs, dim=1) - truth) ** 2).sum() / (truth**2).sum())
    return torch.stack(errors)
