"""From pictures and bags of words to features, for analysis."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from course_lib.contrastive.mini_clip import SIDE, EncodedPair, MiniClip


def image_tensor(images: UInt8[np.ndarray, "batch 32 32 3"]) -> Float[Tensor, "batch 3 32 32"]:
    """Turn pictures into the image tower's input, from 0 for white to 1 for no light at all.

    x = 1 − pixel/255. White is 0, so that what convolutions and shifts fill in at the border is background.

    Parameters
    ----------
    images : uint8 array, shape [batch, 32, 32, 3]
        RGB on white, as `course_lib.data.load_emoji` gives them.

    Returns
    -------
    Tensor, shape [batch, 3, 32, 32], float32
        A copy.

    Raises
    ------
    ValueError
        If ``images`` is not uint8 of that shape.

    Examples
    --------
    >>> image_tensor(np.full((1, 32, 32, 3), 255, dtype=np.uint8)).max()
    tensor(0.)
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(
            f"images must be uint8 RGB pictures, [batch, {SIDE}, {SIDE}, 3], "
            f"got {images.dtype} of shape {list(images.shape)}."
        )
    return 1 - torch.tensor(images).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def encode(
    model: MiniClip,
    images: Float[Tensor, "num_images 3 32 32"],
    bags: Float[Tensor, "num_texts num_words"],
    batch_size: int = 256,
) -> EncodedPair:
    """Encode pictures and texts for analysis: in evaluation mode, without gradients, in pieces.

    Parameters
    ----------
    model : MiniClip
        Left in the mode that it was in.
    images : Tensor, shape [num_images, 3, 32, 32], float32
        As `image_tensor` makes them.
    bags : Tensor, shape [num_texts, num_words], float32
        Bags of words; as many as you like, paired or not.
    batch_size : int, default 256
        Rows at a time: what is held in memory at once, nothing else.

    Returns
    -------
    EncodedPair
        Unit image and text features.
    """
    was_training = model.training
    model.eval()
    try:
        return EncodedPair(
            torch.cat([model.encode_image(piece) for piece in images.split(batch_size)]),
            torch.cat([model.encode_text(piece) for piece in bags.split(batch_size)]),
        )
    finally:
        model.train(was_training)
