"""What few bits do to a whole sentence encoder: needs the model that ``course fetch minilm`` brings."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib import quantization
from course_lib.data import load_emoji, load_prose
from course_lib.experiments.gptq_awq.layer import awq, nearest
from course_lib.language import Bert, WordPiece, linear_inputs, load_minilm

METHODS = ("nearest", "AWQ", "GPTQ")
PARTS = ("query", "key", "value", "output", "up", "down")
PIECES = 30


class Sentences(NamedTuple):
    """[method][bits]: how near sentence vectors stay, and how many captions find their tags."""

    bits: tuple[int, ...]
    methods: tuple[str, ...]
    cosine: tuple[tuple[float, ...], ...]
    recall: tuple[tuple[float, ...], ...]
    full_recall: float
    standard_error: float


def sentences(bits: Sequence[int] = (3,), methods: Sequence[str] = METHODS, tokens: int = 8192) -> Sentences:
    """Quantize all 36 matrices of MiniLM's blocks, calibrated on prose, and let it read emoji's words.

    ``cosine`` is that of a sentence's vector with the float32 model's, on average; ``recall`` the share of
    1,911 emoji whose name finds the tags of the same emoji first, among all. ``standard_error`` is that of
    the float32 model's recall.
    """
    model, tokenizer = load_minilm()
    inputs = _calibration(model, tokenizer, tokens)
    texts = _texts()
    whole = [_vectors(model, tokenizer, some) for some in texts]
    cosines, recalls = [], []
    for method in methods:
        near, found = [], []
        for b in bits:
            ours_model = copy.deepcopy(model)
            for name, x in inputs.items():
                linear = ours_model.get_submodule(name)
                linear.weight = nn.Parameter(
                    _quantized(model.get_parameter(f"{name}.weight"), x, b, method), False
                )
            ours = [_vectors(ours_model, tokenizer, some) for some in texts]
            both = [(a * b).sum(dim=1).mean() for a, b in zip(ours, whole, strict=True)]
            near.append(float(sum(both)) / len(both))
            found.append(_recall(*ours))
        cosines.append(tuple(near))
        recalls.append(tuple(found))
    full = _recall(*whole)
    error = (full * (1 - full) / len(texts[0])) ** 0.5
    return Sentences(tuple(bits), tuple(methods), tuple(cosines), tuple(recalls), full, error)


def _quantized(weight: Tensor, x: Tensor, bits: int, method: str) -> Tensor:
    if method == "nearest":
        return nearest(weight, bits)
    if method == "AWQ":
        return awq(weight, x, bits)
    return quantization.gptq_quantize(weight, x, bits).weight


def _calibration(model: Bert, tokenizer: WordPiece, tokens: int) -> dict[str, Tensor]:
    """What goes into every matrix of the float32 model while it reads prose; q, k and v share one tensor."""
    count = tokens // (PIECES + 2)
    rows = tokenizer.pieces(load_prose())[: count * PIECES].reshape(count, PIECES)
    marks = [torch.full((count, 1), mark) for mark in tokenizer.marks]
    blocks = range(model.config.num_layers)
    names = [f"layers.{i}.{part}" for i in blocks for part in PARTS if part not in ("key", "value")]
    read = linear_inputs(model, names, torch.cat([marks[0], rows, marks[1]], dim=1))
    inputs = {name: x.flatten(0, 1) for name, x in read.items()}
    shared = {f"layers.{i}.{part}": inputs[f"layers.{i}.query"] for i in blocks for part in ("key", "value")}
    return inputs | shared


def _texts() -> tuple[list[str], list[str]]:
    emoji = load_emoji("noto")
    return list(emoji.names), [", ".join(tags) for tags in emoji.tags]


@torch.inference_mode()
def _vectors(model: Bert, tokenizer: WordPiece, texts: Sequence[str]) -> Tensor:
    # By length, so that little is padding.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts = [
        model.sentence(*tokenizer.encode([texts[i] for i in order[start : start + 128]]))
        for start in range(0, len(texts), 128)
    ]
    vectors = torch.cat(parts)
    return vectors[torch.argsort(torch.tensor(order))]


def _recall(queries: Tensor, keys: Tensor) -> float:
    best = (queries @ keys.T).argmax(dim=1)
    return float((best == torch.arange(len(queries))).double().mean())
