"""Three real matrices of all-MiniLM-L6-v2 and what goes into them: recorded, so that nothing is fetched."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from course_lib.data._files import DATA_FOLDER, open_arrays

FILE = "minilm_layer.npz"
LAYER = 4
MATRICES = ("query", "key", "value")
#: What was read for the two factors.
TEXTS = ("prose", "random")


@dataclass(frozen=True, eq=False)
class MiniLMLayer:
    """Matrices that share one input, and that input on two texts. Arrays are read-only.

    Attributes
    ----------
    weights : dict of str to array, shape [384, 384]
        "query", "key" and "value", [outputs, inputs] as in ``nn.Linear``: as trained, not quantized.
    calibration : array, shape [1024, 384]
        Inputs while the model read 32 pieces of prose, each 32 positions long; row by row.
    held_out : array, shape [512, 384]
        The same on 16 pieces from later chapters.
    factors : dict of str to array, shape [384, 384]
        For "prose" and for "random" word pieces: the upper triangular R with RᵀR = XᵀX of 8,192 positions.
        A method that sees X through XᵀX only, as GPTQ does, takes R for X. The prose begins with the
        positions of ``calibration``.
    layer : int
        The block, counted from 0, of the model's six.
    """

    weights: dict[str, Float32[np.ndarray, "outputs inputs"]]
    calibration: Float32[np.ndarray, "positions inputs"]
    held_out: Float32[np.ndarray, "positions inputs"]
    factors: dict[str, Float32[np.ndarray, "inputs inputs"]]
    layer: int


@lru_cache(maxsize=2)
def load_minilm_layer(*, folder: Path = DATA_FOLDER) -> MiniLMLayer:
    """Load query, key and value of block 4 of all-MiniLM-L6-v2, and their inputs on prose.

    Parameters
    ----------
    folder : Path, default the folder of this module
        Where minilm_layer.npz and checksums.json lie.

    Returns
    -------
    MiniLMLayer
        The same object at every call.

    Raises
    ------
    ValueError
        If the file is missing or damaged.

    Notes
    -----
    Weights and inputs are stored in half precision, which rounds by at most one part in 2,048; the factors in
    single, since the inverse of XᵀX is wanted of them.

    Examples
    --------
    >>> layer = load_minilm_layer()
    >>> layer.weights["query"].shape, layer.calibration.shape, layer.factors["random"].shape
    ((384, 384), (1024, 384), (384, 384))
    """
    with open_arrays(FILE, folder) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    about = json.loads(str(content.pop("about")))
    found = {
        name: _square(x) if name.startswith("factor") else x.astype(np.float32) for name, x in content.items()
    }
    for array in found.values():
        array.setflags(write=False)
    return MiniLMLayer(
        weights={name: found[name] for name in MATRICES},
        calibration=found["calibration"],
        held_out=found["held_out"],
        factors={text: found[f"factor_{text}"] for text in TEXTS},
        layer=about["layer"],
    )


def _square(triangle: np.ndarray) -> np.ndarray:
    """Put the rows of an upper triangle back into a matrix."""
    width = round((np.sqrt(8 * len(triangle) + 1) - 1) / 2)
    square = np.zeros((width, width), dtype=np.float32)
    square[np.triu_indices(width)] = triangle
    return square
