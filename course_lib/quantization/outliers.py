"""Two things that look alike in a maximum: a channel that is always large, and a token that is huge once."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.checks import check_values
from course_lib.validate import check_positive, check_share


class Outliers(NamedTuple):
    """What stands out, and where."""

    kind: Literal["none", "channel", "token", "both"]
    channels: Int[Tensor, "persistent"]
    tokens: Int[Tensor, "massive"]


def outlier_kind(
    x: Float[Tensor, "*tokens channels"],
    channel_ratio: float = 20.0,
    token_ratio: float = 1000.0,
    rare: float = 0.25,
) -> Outliers:
    """Tell a persistent outlier channel from a massive token.

    typical: the median of the |x| that are not 0; m_j: the median over tokens of |x_tj|.
    Channel j is persistent if m_j ≥ channel_ratio · typical: large for the ordinary token.
    Token t is massive if |x_tj| ≥ token_ratio · max(m_j, typical) for some j: it stands out even from its own
    channel. If more than a share ``rare`` of all tokens does, that is a heavy tail, and none of them massive.

    Parameters
    ----------
    x : Tensor, shape [..., channels], float32 or float64
        All axes but the last are tokens, at least 3 together: with two there is no ordinary one.
    channel_ratio, token_ratio : float > 0
        The thresholds. A Gaussian has no value in a million beyond 8 of its medians, but activations behind a
        gated MLP have heavy tails: in SmolLM2 every second ordinary token has an entry beyond 20 medians,
        the worst one at 341, and the massive tokens of its layers 11 and 28 lie beyond 14,000. Hence 1000.
    rare : float from 0 to 1, default 0.25
        At most so large a part of the tokens can be exceptions; one always can.

    Returns
    -------
    Outliers
        ``kind``, with the indices of persistent ``channels`` and massive ``tokens`` (counted through all axes
        but the last, flattened), ascending.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is empty or not finite, has fewer than 3 tokens, or a threshold is out of range.

    Notes
    -----
    Medians, since the mean and the maximum of a channel are what one massive token spoils. The two need
    different remedies: SmoothQuant moves a persistent channel into the weights; a massive token wants a scale
    of its own (per-token scales) or to be kept apart. Sun et al. ask of massive activations that they exceed
    100, and 1000 medians; the size is left out here, since it depends on the layer's unit.

    References
    ----------
    Sun et al. 2024, arXiv:2402.17762 (massive activations); Yang et al. 2024, arXiv:2405.14428 (spikes that
    GLU layers make at few tokens); Chen et al. 2024, arXiv:2410.05265 (tokens against channels).

    Examples
    --------
    >>> x = torch.ones(8, 4)
    >>> x[:, 2] = 30.0
    >>> outlier_kind(x)
    Outliers(kind='channel', channels=tensor([2]), tokens=tensor([], dtype=torch.int64))
    >>> x = torch.ones(8, 4)
    >>> x[0, 2] = 5000.0
    >>> outlier_kind(x)
    Outliers(kind='token', channels=tensor([], dtype=torch.int64), tokens=tensor([0]))
    """
    check_values("x", x)
    check_positive("channel_ratio", channel_ratio)
    check_positive("token_ratio", token_ratio)
    check_share("rare", rare)
    if x.ndim < 2 or x.numel() // x.shape[-1] < 3:
        raise ValueError(
            f"x must hold at least 3 tokens of several channels, got shape {list(x.shape)}: "
            "with fewer no token is the ordinary one."
        )
    return _outlier_kind(x.detach().reshape(-1, x.shape[-1]).abs(), channel_ratio, token_ratio, rare)


def _outlier_kind(size: Tensor, channel_ratio: float, token_ratio: float, rare: float) -> Outliers:
    nonzero = size[size > 0]
    typical = nonzero.median() if nonzero.numel() else size.new_tensor(torch.inf)
    of_channel = size.median(dim=0).values
    channels = (of_channel >= channel_ratio * typical).nonzero().flatten()
    massive = size >= token_ratio * torch.maximum(of_channel, typical)
    tokens = massive.any(dim=1).nonzero().flatten()
    if len(tokens) > max(1, rare * len(size)):
        tokens = tokens[:0]
    kinds: dict[tuple[bool, bool], Literal["none", "channel", "token", "both"]] = {
        (False, False): "none",
        (True, False): "channel",
        (False, True): "token",
        (True, True): "both",
    }
    return Outliers(kinds[len(channels) > 0, len(tokens) > 0], channels, tokens)
