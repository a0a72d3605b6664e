"""Where the bias of the sigmoid loss should start, and whom the gradient listens to there."""

import math

from jaxtyping import Float
from torch import Tensor

from course_lib.validate import check_int, check_scale


def initial_bias(batch: int) -> float:
    """Best bias for embeddings that tell nothing.

    b* = −log(N − 1)

    With all cosines equal to 0, each of the N positives and N(N − 1) negatives has the logit b, so L(b) =
    −log σ(b) − (N − 1) log σ(−b) and dL/db = −σ(−b) + (N − 1) σ(b). It vanishes where σ(b)/σ(−b) = exp(b) =
    1/(N − 1): the model then says "1 in N", the share of positives. L is convex in b, so this is its minimum.

    Parameters
    ----------
    batch : int, at least 2
        N, pairs in a batch over all devices.

    Returns
    -------
    float
        0 for N = 2; −10 for N ≈ 22027, the paper's fixed choice for batches of about that size.

    Raises
    ------
    TypeError, ValueError
        If ``batch`` is not an integer of at least 2: one pair alone has no negatives, and no bias would be
        large enough.

    References
    ----------
    Zhai et al. 2023, arXiv:2303.15343, section 3.2, which initialises b = −10.

    Examples
    --------
    >>> round(initial_bias(4096), 3)
    -8.318
    """
    check_int("batch", batch, low=2)
    return -math.log(batch - 1)


def positive_gradient_share(batch: int, logit_bias: float | Float[Tensor, ""]) -> float:
    """Share of the total gradient that the positives carry, for embeddings that tell nothing.

    Σ_{i=j} |∂L/∂ℓ_ij| / Σ_ij |∂L/∂ℓ_ij| = σ(−b) / (σ(−b) + (N − 1) σ(b)) = σ(b* − b), with b* = −log(N − 1)

    Parameters
    ----------
    batch : int, at least 1
        N, pairs in a batch over all devices.
    logit_bias : float or 0-d Tensor
        b, with all cosines 0 the logit of every pair.

    Returns
    -------
    float
        Between 0 and 1; 1/2 at ``initial_bias(batch)``, and 1 for a batch of one pair.

    Raises
    ------
    TypeError, ValueError
        If ``batch`` is not an integer of at least 1, or ``logit_bias`` is not a finite scalar.

    References
    ----------
    |∂L/∂ℓ_ij| = σ(−z_ij ℓ_ij) / N, see `siglip_grads`.

    Examples
    --------
    >>> shares = [positive_gradient_share(4096, bias) for bias in (0.0, initial_bias(4096), -10.0)]
    >>> [f"{share:.2%}" for share in shares]
    ['0.02%', '50.00%', '84.32%']
    """
    check_int("batch", batch, low=1)
    check_scale("logit_bias", logit_bias)
    return 1.0 if batch == 1 else _sigmoid(initial_bias(batch) - float(logit_bias))


def _sigmoid(x: float) -> float:
    # exp of a number that is never positive: no overflow on either side.
    smaller = math.exp(-abs(x))
    return (1.0 if x >= 0 else smaller) / (1.0 + smaller)
