"""Small pictures, whatever layout they come in, as the one layout that is drawn."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes


def as_pictures(images: Any, count: int | None = None, name: str = "images") -> np.ndarray:
    """Bring a batch of pictures into one layout.

    Parameters
    ----------
    images : array or Tensor, shape [batch, height, width, channels] or [batch, channels, height, width]
        3 channels, or 4 with opacity last; uint8 from 0 to 255, or floats from 0 to 1.
    count : int, optional
        How many pictures there must be.
    name : str
        The argument's name, for messages.

    Returns
    -------
    ndarray, shape [batch, height, width, 3], float64 from 0 to 1
        Laid on white: the background of every figure.

    Raises
    ------
    TypeError
        If the values are neither uint8 nor floating.
    ValueError
        If shape, number or range do not fit.
    """
    array = np.asarray(images)
    if array.ndim == 4 and array.shape[3] not in (3, 4) and array.shape[1] in (3, 4):
        array = np.moveaxis(array, 1, 3)
    if array.ndim != 4 or array.shape[3] not in (3, 4) or array.size == 0:
        raise ValueError(
            f"{name} must have shape [batch, height, width, 3 or 4] or [batch, 3 or 4, height, width], "
            f"got {list(np.shape(images))}."
        )
    if count is not None and len(array) != count:
        raise ValueError(f"{name} must hold {count} pictures, got {len(array)}.")
    if array.dtype == np.uint8:
        array = array / 255.0
    elif np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ValueError(f"{name} must lie between 0 and 1, got {array.min():.4g} to {array.max():.4g}.")
    else:
        raise TypeError(f"{name} must be uint8 or floating, got {array.dtype}.")
    if array.shape[3] == 4:
        opacity = array[..., 3:]
        array = array[..., :3] * opacity + (1 - opacity)
    return array


def draw_picture(axes: Axes, picture: np.ndarray, centre: tuple[float, float], side: float) -> None:
    """Draw one picture upright at ``centre``, in data units and also outside the axes' frame; limits stay.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The axis of y may run up or down.
    picture : ndarray, shape [height, width, 3]
        One of those that `as_pictures` returns.
    centre : (float, float)
    side : float
        Width and height.
    """
    x, y = centre
    half = side / 2
    xlim, ylim, aspect = axes.get_xlim(), axes.get_ylim(), axes.get_aspect()
    bottom, top = (y - half, y + half) if ylim[0] < ylim[1] else (y + half, y - half)
    axes.imshow(
        picture,
        extent=(x - half, x + half, bottom, top),
        interpolation="bilinear",
        clip_on=False,
        aspect=aspect,
        zorder=3,
    )
    axes.set_xlim(xlim)
    axes.set_ylim(ylim)
