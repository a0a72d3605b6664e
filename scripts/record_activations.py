"""Make course_lib/data/activations.npz: what goes into SmolLM2's linear layers while it reads the prose.

And layer_weights.npz: some of its matrices, as the file of the model holds them.

python scripts/record_activations.py [--out FOLDER]

Needs the model (`course fetch smollm2`) and half a minute.
"""

import argparse
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch

from course_lib.data import layer_weights, load_prose
from course_lib.data._files import CHECKSUMS, DATA_FOLDER
from course_lib.data.activations import FILE, INPUTS, array_name
from course_lib.data.smollm2 import smollm2_file
from course_lib.language import load_smollm2, load_tokenizer, record_inputs, sequences

LAYERS = (4, 11, 12, 28)
COUNT, LENGTH, APART = (
    8,
    16,
    256,
)  # every sequence is the start of one of those that perplexity is measured on


def main() -> None:
    """Record, pack, and write the checksum."""
    from gguf import GGUFReader  # late: the packing alone is tested without it

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DATA_FOLDER)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    tokenizer = load_tokenizer()
    tokens = sequences(tokenizer.encode(load_prose()), count=COUNT, length=APART)[:, :LENGTH]
    recorded = record_inputs(load_smollm2(), tokens, LAYERS)
    about = {
        "generator": "scripts/record_activations.py",
        "model": "SmolLM2-135M-Instruct, GGUF Q4_1 dequantized, float32",
        "layers": LAYERS,
        "tokens": [[tokenizer.decode(token[None]) for token in row] for row in tokens],
    }
    arrays = {
        array_name(layer, kind): recorded[layer, kind].numpy().astype(np.float16)
        for layer in LAYERS
        for kind in INPUTS
    }
    write(out, FILE, pack({**arrays, "about": np.array(json.dumps(about))}))
    stored = {tensor.name: tensor.data for tensor in GGUFReader(smollm2_file()).tensors}
    names = [*layer_weights.MATRICES.values(), *layer_weights.NORMS.values()]
    write(out, layer_weights.FILE, pack({name: np.array(stored[name]) for name in names}))


def write(out: Path, name: str, content: bytes) -> None:
    """Write a file, and its checksum beside it."""
    (out / name).write_bytes(content)
    checksums = json.loads((out / CHECKSUMS).read_text(encoding="utf-8"))
    checksums[name] = hashlib.sha256(content).hexdigest()
    (out / CHECKSUMS).write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")
    print(f"{name}: {len(content):,} bytes, {checksums[name]}")


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """Return an npz with LZMA and fixed dates: the same arrays give the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_LZMA)
    return file.getvalue()


if __name__ == "__main__":
    main()
