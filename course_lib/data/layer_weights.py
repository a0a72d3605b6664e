"""A few of SmolLM2-135M's matrices: those that stand behind the outliers among the recorded activations."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from course_lib.data._files import DATA_FOLDER, open_arrays

FILE = "layer_weights.npz"
#: Matrices of the file: layer, name, and GGUF's name for it.
MATRICES = {
    (11, "down_proj"): "blk.11.ffn_down.weight",
    (12, "q_proj"): "blk.12.attn_q.weight",
    (12, "k_proj"): "blk.12.attn_k.weight",
    (12, "v_proj"): "blk.12.attn_v.weight",
}
#: The weight of the RMSNorm in front of q, k and v, where a smoothing scale can be folded in.
NORMS = {(12, "attention_norm"): "blk.12.attn_norm.weight"}


@lru_cache(maxsize=2)
def load_layer_weights(*, folder: Path = DATA_FOLDER) -> dict[tuple[int, str], Float32[np.ndarray, "..."]]:
    """Load the weights of layer 11's down_proj, and of layer 12's q_proj, k_proj, v_proj and attention_norm.

    With `load_activations` they give real outputs, x @ weight.T, and the error that quantizing either makes.

    Parameters
    ----------
    folder : Path, default the folder of this module
        Where layer_weights.npz and checksums.json lie.

    Returns
    -------
    dict of (int, str) to float32 array
        By layer and name: matrices [out, in] as in ``nn.Linear``, the norm's weight [in]. Shared between
        callers, hence read-only.

    Raises
    ------
    ValueError
        If the file is missing or damaged.

    Notes
    -----
    The same numbers as in the fetched model. The matrices lie on a 4-bit grid: see `dequantize_q4_1`.

    Examples
    --------
    >>> weights = load_layer_weights()
    >>> weights[11, "down_proj"].shape, weights[12, "attention_norm"].shape
    ((576, 1536), (576,))
    """
    with open_arrays(FILE, folder) as arrays:
        found = {key: dequantize_q4_1(arrays[name]) for key, name in MATRICES.items()}
        found |= {key: arrays[name] for key, name in NORMS.items()}
    for array in found.values():
        array.setflags(write=False)
    return found


def dequantize_q4_1(blocks: UInt8[np.ndarray, "rows bytes"]) -> Float32[np.ndarray, "rows width"]:
    """Return the numbers that GGUF's Q4_1 stands for: w = d·q + m, with one d and one m for 32 neighbours.

    Parameters
    ----------
    blocks : uint8 array, shape [rows, 20 · width / 32]
        Per block d and m as float16, then 16 bytes: codes 0 to 15 in their low halves, 16 to 31 in the high.

    Returns
    -------
    float32 array, shape [rows, width]

    Examples
    --------
    >>> d_and_m = np.array([0.5, -1.0], dtype=np.float16).view(np.uint8)
    >>> codes = np.full(16, 0x31, dtype=np.uint8)  # 1 in the low half, 3 in the high
    >>> dequantize_q4_1(np.concatenate([d_and_m, codes])[None])[0, [0, 15, 16, 31]]
    array([-0.5, -0.5,  0.5,  0.5], dtype=float32)
    """
    rows = len(blocks)
    split = np.ascontiguousarray(blocks).reshape(rows, -1, 20)
    steps = np.ascontiguousarray(split[..., :4]).view(np.float16).astype(np.float32)
    packed = split[..., 4:]
    codes = np.concatenate([packed & 15, packed >> 4], axis=-1)
    return (steps[..., :1] * codes + steps[..., 1:]).reshape(rows, -1)
