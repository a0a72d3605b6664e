"""The trained mini-CLIPs that ship with the course: loading and packing their weights."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib.contrastive.mini_clip import Loss, MiniClip, check_loss
from course_lib.data._files import DATA_FOLDER, read_checked

RECIPE = "recipe"  # beside the weights: how they were trained, as JSON


def load_mini_clip(loss: Loss = "infonce", *, augmented: bool = True, folder: Path = DATA_FOLDER) -> MiniClip:
    """Load a trained mini-CLIP, in evaluation mode.

    Parameters
    ----------
    loss : {"infonce", "siglip"}, default "infonce"
        Which loss it was trained with.
    augmented : bool, default True
        False gives the model that saw every picture and caption unchanged (InfoNCE only): it memorised them.
    folder : Path, default course_lib/data
        Where checksums.json and the folder mini_clip lie.

    Returns
    -------
    MiniClip
        A new object at every call, in float32. Its bags of words are those of
        `course_lib.experiments.mini_clip.emoji_tensors`.

    Raises
    ------
    ValueError
        If there is no such model, or its file is missing or damaged.

    Notes
    -----
    Weights are stored in half precision. That moves features by a thousandth, and recall hardly at all.

    Examples
    --------
    >>> model = load_mini_clip()
    >>> round(float(model.logit_scale().detach()), 1) < 100
    True
    """
    arrays = _arrays(loss, augmented, folder)
    bias = float(arrays["logit_bias"]) if "logit_bias" in arrays else None
    dim, num_words = len(arrays["text_tower.1.weight"]), arrays["text_tower.0.weight"].shape[1]
    model = MiniClip(num_words, dim=dim, logit_bias=bias)
    # Strict but for batch normalisation's counters of batches, which nothing here reads.
    weights = {name: torch.tensor(array).float() for name, array in arrays.items() if name != RECIPE}
    counters = {name: value for name, value in model.state_dict().items() if _is_counter(name)}
    model.load_state_dict({**weights, **counters})
    return model.eval()


def mini_clip_recipe(
    loss: Loss = "infonce", *, augmented: bool = True, folder: Path = DATA_FOLDER
) -> dict[str, Any]:
    """How a shipped model was trained: settings, versions, history, and its recall when it was recorded."""
    return json.loads(str(_arrays(loss, augmented, folder)[RECIPE]))


def pack_mini_clip(model: MiniClip, recipe: dict[str, Any]) -> bytes:
    """Return the file that `load_mini_clip` reads: weights in half precision, and the recipe."""
    weights: dict[str, Any] = {
        name: value.detach().numpy().astype(np.float32 if "running" in name else np.float16)
        for name, value in model.state_dict().items()
        if not _is_counter(name)
    }
    for name in ("logit_scale.log_scale", "logit_bias"):
        if name in weights:
            weights[name] = model.state_dict()[name].numpy()
    file = io.BytesIO()
    weights[RECIPE] = np.array(json.dumps(recipe))
    np.savez_compressed(file, **weights)
    return file.getvalue()


def mini_clip_file(loss: Loss, augmented: bool = True) -> str:
    """Name of a model's file inside course_lib/data."""
    return f"mini_clip/{loss}{'' if augmented else '_plain'}.npz"


def _arrays(loss: Loss, augmented: bool, folder: Path) -> dict[str, np.ndarray]:
    check_loss(loss)
    if loss == "siglip" and not augmented:
        raise ValueError("loss must be 'infonce' where augmented is False: only that model is shipped.")
    content = io.BytesIO(read_checked(mini_clip_file(loss, augmented), folder))
    with np.load(content, allow_pickle=False) as arrays:
        return dict(arrays)


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")
