"""Make course_lib/data/minilm_layer.npz: three real matrices of MiniLM, and what goes into them.

python scripts/record_minilm.py [--out FOLDER]

Needs the model (`course fetch minilm`) and half a minute.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_lib.data import load_prose
from course_lib.data._files import DATA_FOLDER
from course_lib.data.minilm_layer import FILE, LAYER, MATRICES
from course_lib.language import Bert, linear_inputs, load_minilm

PIECES = 30  # of a sequence; with the marks before and after them 32 positions
RAW, MANY, HELD_OUT = 32, 256, 16  # sequences
HELD_OUT_FROM = 860  # chapters later than anything that calibrates
CLS, SEP = 101, 102
FIRST_WORD = 1996  # before it come marks, single signs and places that nothing uses
SEED = 0


def main() -> None:
    """Read, record, pack, and write the checksum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DATA_FOLDER)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    model, tokenizer = load_minilm()
    prose = tokenizer.pieces(load_prose())
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randint(FIRST_WORD, model.config.vocab_size, (MANY * PIECES,), generator=generator)
    read = states(model, rows_of(prose, 0, MANY))
    held_out = states(model, rows_of(prose, HELD_OUT_FROM, HELD_OUT))
    arrays = {name: model.get_parameter(f"layers.{LAYER}.{name}.weight").numpy() for name in MATRICES}
    arrays |= {"calibration": read[: RAW * (PIECES + 2)].numpy(), "held_out": held_out.numpy()}
    packed = {name: array.astype(np.float16) for name, array in arrays.items()}
    packed |= {
        "factor_prose": triangle(read),
        "factor_random": triangle(states(model, rows_of(noise, 0, MANY))),
    }
    about = {
        "generator": "scripts/record_minilm.py",
        "model": "all-MiniLM-L6-v2, float32",
        "layer": LAYER,
        "tokens_behind_factors": MANY * (PIECES + 2),
        "positions": PIECES + 2,
    }
    recording = script("record_activations")
    content = recording.pack({**packed, "about": np.array(json.dumps(about))})
    recording.write(out, FILE, content)


def rows_of(pieces: Tensor, start: int, count: int) -> Tensor:
    """Sequences of equal length, each between its marks."""
    rows = pieces[start * PIECES : (start + count) * PIECES].reshape(count, PIECES)
    marks = [torch.full((count, 1), mark) for mark in (CLS, SEP)]
    return torch.cat([marks[0], rows, marks[1]], dim=1)


def states(model: Bert, tokens: Tensor) -> Tensor:
    """What query, key and value of the layer get, a row for each position."""
    name = f"layers.{LAYER}.{MATRICES[0]}"
    return linear_inputs(model, [name], tokens)[name].flatten(0, 1)


def triangle(x: Tensor) -> np.ndarray:
    """The upper triangular R with RᵀR = XᵀX, its rows one after another without the zeros below."""
    upper = torch.linalg.cholesky(x.double().T @ x.double(), upper=True)
    return upper[tuple(torch.triu_indices(*upper.shape))].numpy().astype(np.float32)


def script(name: str) -> object:
    """Import a neighbour of this script."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
