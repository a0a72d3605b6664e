"""What went into some linear layers of SmolLM2-135M while it read: recorded, so that nothing is fetched."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float16, Float32

from course_lib.data._files import DATA_FOLDER, open_arrays

FILE = "activations.npz"
Input = Literal["qkv", "gate_up", "down"]
INPUTS: tuple[Input, ...] = get_args(Input)


@dataclass(frozen=True, eq=False)
class Activations:
    """Inputs of linear layers, by layer and kind.

    Attributes
    ----------
    layers : tuple of int
        Which of the 30 blocks were recorded.
    tokens : tuple of tuple of str
        What was read: sequences of equally many tokens, spaces in front of words kept.
    """

    layers: tuple[int, ...]
    tokens: tuple[tuple[str, ...], ...]
    _arrays: dict[str, Float16[np.ndarray, "num_sequences length width"]]

    def inputs(self, layer: int, kind: Input) -> Float32[np.ndarray, "num_sequences length width"]:
        """Return the inputs of one layer.

        Parameters
        ----------
        layer : int
            One of ``layers``.
        kind : {"qkv", "gate_up", "down"}
            The common input of q_proj, k_proj and v_proj (after an RMSNorm, 576 wide), that of gate_proj and
            up_proj (after an RMSNorm, 576 wide), or that of down_proj (after SwiGLU, 1536 wide).

        Returns
        -------
        float32 array, shape [num_sequences, length, width]
            Fresh, yours to change. Position 0 of each sequence is the first token that the model read.

        Raises
        ------
        ValueError
            If that layer or kind was not recorded.
        """
        if layer not in self.layers:
            raise ValueError(f"layer must be one of {', '.join(map(str, self.layers))}, got {layer!r}.")
        if kind not in INPUTS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, INPUTS))}, got {kind!r}.")
        return self._arrays[array_name(layer, kind)].astype(np.float32)


@lru_cache(maxsize=2)
def load_activations(*, folder: Path = DATA_FOLDER) -> Activations:
    """Load recorded activations of SmolLM2-135M: 8 sequences of 16 tokens, 4 of its 30 layers.

    Layers 11 and 28 are those whose down_proj gets a massive activation; in 12 one channel of the qkv input
    is large for every token; 4 is an ordinary one.

    Parameters
    ----------
    folder : Path, default the folder of this module
        Where activations.npz and checksums.json lie.

    Returns
    -------
    Activations
        The same object at every call.

    Raises
    ------
    ValueError
        If the file is missing or damaged.

    Notes
    -----
    Stored in half precision, which rounds by at most one part in 2,048.

    References
    ----------
    Sun et al. 2024, "Massive Activations in Large Language Models".

    Examples
    --------
    >>> activations = load_activations()
    >>> activations.layers, activations.inputs(11, "down").shape
    ((4, 11, 12, 28), (8, 16, 1536))
    """
    with open_arrays(FILE, folder) as arrays:
        content = dict(arrays)
    about = json.loads(str(content.pop("about")))
    return Activations(
        layers=tuple(about["layers"]),
        tokens=tuple(tuple(row) for row in about["tokens"]),
        _arrays=content,
    )


def array_name(layer: int, kind: Input) -> str:
    """Name of an array inside the file."""
    return f"{layer}.{kind}"
