"""Calibration: whether a probability of 70 % is right 70 times in a hundred."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.validate import check_array, check_int, check_tensor


def expected_calibration_error(
    confidence: Float[Tensor, " samples"], correct: Bool[Tensor, " samples"], bins: int = 15
) -> Float[Tensor, ""]:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by their samples.

    ECE = Σ_b (n_b/n) · | mean correct in b − mean confidence in b |

    Parameters
    ----------
    confidence : Tensor, shape [samples], float32 or float64, from 0 to 1
        Probability that the model gives to its own answer (the largest of each row of the softmax).
    correct : Tensor of bool, shape [samples]
        Whether that answer is right.
    bins : int, default 15, at least 1
        Bin b = 1 … bins holds confidences in ((b − 1)/bins, b/bins]; 0 falls into the first.

    Returns
    -------
    Tensor, 0-d, dtype of ``confidence``
        From 0 (calibrated, as far as the bins can tell) to 1. Empty bins weigh nothing.

    Raises
    ------
    TypeError, ValueError
        If ``confidence`` is not a finite, non-empty float vector from 0 to 1, ``correct`` not a bool vector
        of its length, or ``bins`` not an integer of at least 1.

    Notes
    -----
    The estimate depends on the bins and is biased upwards: noise within a bin counts as a gap. It says
    nothing of the order of the answers, so a model can be calibrated and useless (one that always gives its
    base rate).

    References
    ----------
    Naeini et al. 2015 (AAAI); Guo et al. 2017, arXiv:1706.04599, equation 3.

    Examples
    --------
    >>> import torch
    >>> sure = torch.full((4,), 0.9)
    >>> expected_calibration_error(sure, torch.tensor([True, True, False, False]))
    tensor(0.4000)
    """
    check_array("confidence", confidence, ("samples",))
    low, high = confidence.detach().min().item(), confidence.detach().max().item()
    if low < 0 or high > 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {low if low < 0 else high:.4g}.")
    check_tensor("correct", correct)
    if correct.dtype != torch.bool:
        raise TypeError(
            f"correct must be torch.bool, got {correct.dtype}: compare the answers with the labels."
        )
    if correct.shape != confidence.shape:
        raise ValueError(
            f"correct must have the shape of confidence: expected {list(confidence.shape)}, "
            f"got {list(correct.shape)}."
        )
    check_int("bins", bins, low=1)
    return _expected_calibration_error(confidence, correct, bins)


def _expected_calibration_error(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    place = (torch.ceil(confidence.detach() * bins) - 1).clamp(min=0).long()
    # n_b |accuracy − confidence| is the magnitude of a sum over the bin: no division, so none by an empty
    # bin.
    gaps = torch.zeros(bins, dtype=confidence.dtype, device=confidence.device)
    gaps = gaps.index_add(0, place, correct.to(confidence.dtype) - confidence)
    return gaps.abs().sum() / len(confidence)
