"""Rotary positions: what makes q·k depend on how far apart two tokens are."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def rotate(
    x: Float[Tensor, "*batch positions head_dim"], positions: Int64[Tensor, " positions"], base: float
) -> Float[Tensor, "*batch positions head_dim"]:
    """Turn each neighbouring pair of channels by an angle proportional to the position.

    The pair (x_2i, x_2i+1) at position p is turned by p · base^(−2i / head_dim). Two turned vectors then have
    a dot product that depends on their positions only through the difference.

    Parameters
    ----------
    x : tensor, shape [..., positions, head_dim]
        Queries or keys; head_dim is even.
    positions : int64 tensor, shape [positions]
        Where in the sequence each row stands.
    base : float
        The larger, the slower the last pairs turn.

    Returns
    -------
    tensor, shape of ``x``
        Lengths are kept.

    Notes
    -----
    Other code turns the pairs (x_i, x_i+head_dim/2) instead, with the rows of the weights in another order.

    References
    ----------
    Su et al. 2021, "RoFormer", equation 15.

    Examples
    --------
    >>> rotate(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), base=10_000.0)
    tensor([[1., 0.]])
    """
    head_dim = x.shape[-1]
    # Angles grow with the position: in half precision they would be wrong by whole turns.
    dtype = torch.promote_types(x.dtype, torch.float32)
    exponents = torch.arange(0, head_dim, 2, dtype=dtype, device=x.device) / head_dim
    angles = positions[:, None] * base**-exponents
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1).flatten(-2)
