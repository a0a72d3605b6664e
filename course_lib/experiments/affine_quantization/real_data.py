"""Real features and pictures on few bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_emoji, paired_features


class Retrieval(NamedTuple):
    """Recall at 1 among emoji with quantized features, and the signal to noise of the pictures' features."""

    bits: tuple[int, ...]
    recall: tuple[float, ...]
    recall_clipped: tuple[float, ...]
    sqnr: tuple[float, ...]
    sqnr_clipped: tuple[float, ...]
    full: float


def retrieval(bits: Sequence[int] = (8, 6, 4, 3, 2), pairs: int = 191) -> Retrieval:
    """Find captions by features on few bits, over the whole range and with the best clip limit."""
    found = paired_features("noto", pairs)
    images, texts = (torch.tensor(features).double() for features in (found.first, found.second))
    rows: dict[str, list[float]] = {name: [] for name in ("recall", "clipped", "sqnr", "sqnr_clipped")}
    for b in bits:
        limits = [images.abs().max(), texts.abs().max()]
        best = [quantization.best_clip(features, b) for features in (images, texts)]
        for recall, sqnr, ends in (("recall", "sqnr", limits), ("clipped", "sqnr_clipped", best)):
            coarse = [_on_grid(x, float(end), b) for x, end in zip((images, texts), ends, strict=True)]
            rows[recall].append(_recall(*coarse))
            rows[sqnr].append(float(quantization.sqnr_db(images, coarse[0])))
    return Retrieval(
        tuple(bits),
        tuple(rows["recall"]),
        tuple(rows["clipped"]),
        tuple(rows["sqnr"]),
        tuple(rows["sqnr_clipped"]),
        _recall(images, texts),
    )


def _on_grid(x: Tensor, limit: float, bits: int) -> Tensor:
    qmin, qmax = quantization.code_range(bits, narrow=True)
    return quantization.fake_quantize(x, limit / qmax, 0, qmin, qmax)


def _recall(images: Tensor, texts: Tensor) -> float:
    units = [x / x.norm(dim=1, keepdim=True).clamp_min(1e-12) for x in (images, texts)]
    cosines = units[0] @ units[1].T
    # A tie counts against the model: on few bits there are many.
    return float(((cosines >= cosines.diagonal()[:, None]).sum(dim=1) == 1).double().mean())


class Pictures(NamedTuple):
    """Pictures on few bits: floats from 0 to 1, shape [versions, pictures, height, width, channels]."""

    versions: Tensor
    bits: tuple[int, ...]
    sqnr: tuple[float, ...]


def pictures(names: Sequence[str], bits: Sequence[int] = (8, 4, 3, 2)) -> Pictures:
    """Put emoji pictures on grids of few bits, unsigned, over their range from 0 to 1."""
    emoji = load_emoji("noto")
    x = torch.tensor(emoji.images[[emoji.names.index(name) for name in names]]).double() / 255
    versions, ratios = [], []
    for b in bits:
        codes, scale, zero_point = quantization.quantize_per_tensor(
            x, *quantization.code_range(b, signed=False)
        )
        versions.append(quantization.dequantize(codes, scale, zero_point))
        ratios.append(float(quantization.sqnr_db(x, versions[-1])))
    return Pictures(torch.stack(versions), tuple(bits), tuple(ratios))
