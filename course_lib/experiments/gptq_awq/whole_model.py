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

#: Method, and what it is calibrated on.
METHODS = (("nearest", ""), ("AWQ", "prose"), ("GPTQ", "prose"), ("AWQ", "words"), ("GPTQ", "words"))
PARTS = ("query", "key", "value", "output", "up", "down")
PIECES = 30
BLOCKS = range(6)


class Sentences(NamedTuple):
    """[method][bits]: how near sentence vectors stay, and how many names find their tags.

    ``cosine`` is that of a text's vector with the float32 model's, on average; ``centred`` the same after the
    mean of all vectors of a model has been subtracted from them. ``recall`` is the share of names that find
    the tags of the same emoji first, ``lost`` how much more of them float32 finds, and ``lost_error`` the
    standard error of that difference, paired. ``pair`` is the mean cosine of a name with the tags of the same
    emoji. Those of float32 are ``full_recall`` and ``full_pair``.
    """

    bits: tuple[int, ...]
    methods: tuple[str, ...]
    cosine: tuple[tuple[float, ...], ...]
    centred: tuple[tuple[float, ...], ...]
    recall: tuple[tuple[float, ...], ...]
    lost: tuple[tuple[float, ...], ...]
    lost_error: tuple[tuple[float, ...], ...]
    pair: tuple[tuple[float, ...], ...]
    full_recall: float
    full_pair: float


def sentences(
    bits: Sequence[int] = (3,),
    methods: Sequence[tuple[str, str]] = METHODS,
    tokens: int = 8192,
    in_turn: bool = False,
) -> Sentences:
    """Quantize all 36 matrices of MiniLM's blocks, and let it read the words of 955 emoji.

    Names look for tags among those of 955 emoji, every second one of 1,911.

    Calibration is on what the float32 model sees: "prose", pieces of the novel, or "words", names and tags of
    the other 956 emoji, about as many tokens. ``in_turn`` calibrates each block on what it sees behind the
    blocks that are quantized already, as GPTQ's authors do.
    """
    model, tokenizer = load_minilm()
    emoji = load_emoji("noto")
    names, tags = list(emoji.names), [", ".join(some) for some in emoji.tags]
    texts = names[1::2], tags[1::2]
    read = {
        "prose": lambda: _prose(tokenizer, tokens),
        "words": lambda: _words(tokenizer, [*names[::2], *tags[::2]], tokens),
    }
    whole = [_vectors(model, tokenizer, some) for some in texts]
    found_by_whole = _found(*whole)
    columns: list[list[list[float]]] = [[] for _ in range(6)]
    for method, text in methods:
        batches = read[text]() if text else []
        inputs = {} if in_turn else _inputs(model, batches, BLOCKS)
        for column in columns:
            column.append([])
        for b in bits:
            quantized = copy.deepcopy(model)
            for part in [[block] for block in BLOCKS] if in_turn else [BLOCKS]:
                seen = _inputs(quantized, batches, part) if in_turn else inputs
                for name, x in seen.items():
                    weight = _quantized(model.get_parameter(f"{name}.weight"), x, b, method)
                    quantized.get_submodule(name).weight = nn.Parameter(weight, requires_grad=False)
            ours = [_vectors(quantized, tokenizer, some) for some in texts]
            found = _found(*ours)
            missed = found_by_whole - found
            measured = (
                _cosine(ours, whole),
                _cosine(_centred(ours), _centred(whole)),
                float(found.mean()),
                float(missed.mean()),
                float(missed.std() / len(missed) ** 0.5),
                _cosine(ours[:1], ours[1:]),
            )
            for column, value in zip(columns, measured, strict=True):
                column[-1].append(value)
    cosine, centred, recall, lost, error, pair = (tuple(tuple(row) for row in column) for column in columns)
    full = float(found_by_whole.mean())
    return Sentences(
        *(tuple(bits), called(methods), cosine, centred, recall, lost, error, pair),
        full_recall=full,
        full_pair=_cosine(whole[:1], whole[1:]),
    )


def called(methods: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Names for methods with what they are calibrated on."""
    return tuple(f"{method}, {text}" if text else method for method, text in methods)


def _quantized(weight: Tensor, x: Tensor, bits: int, method: str) -> Tensor:
    if method == "nearest":
        return nearest(weight, bits)
    if method == "AWQ":
        return awq(weight, x, bits)
    return quantization.gptq_quantize(weight, x, bits).weight


def _inputs(model: Bert, batches: Sequence[Tensor], blocks: Sequence[int]) -> dict[str, Tensor]:
    """What goes into the matrices of some blocks while the model reads; q, k and v share one tensor."""
    names = [f"layers.{i}.{part}" for i in blocks for part in PARTS if part not in ("key", "value")]
    read = [linear_inputs(model, names, batch) for batch in batches]
    inputs = {
        name: torch.cat([some[name].flatten(0, 1) for some in read]) if read else torch.zeros(0)
        for name in names
    }
    shared = {f"layers.{i}.{part}": inputs[f"layers.{i}.query"] for i in blocks for part in ("key", "value")}
    return inputs | shared


def _prose(tokenizer: WordPiece, tokens: int) -> list[Tensor]:
    count = tokens // (PIECES + 2)
    rows = tokenizer.pieces(load_prose())[: count * PIECES].reshape(count, PIECES)
    marks = [torch.full((count, 1), mark) for mark in tokenizer.marks]
    return [torch.cat([marks[0], rows, marks[1]], dim=1)]


def _words(tokenizer: WordPiece, texts: Sequence[str], tokens: int) -> list[Tensor]:
    """Texts by length, so that none is padded, until there are enough tokens."""
    by_length: dict[int, list[Tensor]] = {}
    total = 0
    for i in torch.randperm(len(texts), generator=torch.Generator().manual_seed(0)).tolist():
        ids, _ = tokenizer.encode([texts[i]])
        if total < tokens:
            by_length.setdefault(ids.shape[1], []).append(ids)
            total += ids.shape[1]
    return [torch.cat(rows) for rows in by_length.values()]


@torch.inference_mode()
def _vectors(model: Bert, tokenizer: WordPiece, texts: Sequence[str]) -> Tensor:
    # By length, so that little is padding.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts = [
        model.sentence(*tokenizer.encode([texts[i] for i in order[start : start + 128]]))
        for start in range(0, len(texts), 128)
    ]
    return torch.cat(parts)[torch.argsort(torch.tensor(order))]


def _found(queries: Tensor, keys: Tensor) -> Tensor:
    """1 for every row whose nearest key is its own, else 0."""
    return ((queries @ keys.T).argmax(dim=1) == torch.arange(len(queries))).double()


def _centred(vectors: Sequence[Tensor]) -> list[Tensor]:
    mean = torch.cat(list(vectors)).mean(dim=0)
    return [some - mean for some in vectors]


def _cosine(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    cosines = torch.nn.functional.cosine_similarity(torch.cat(list(ours)), torch.cat(list(theirs)))
    return float(cosines.mean())
