"""Frozen descriptors of pictures and captions: written down, not learned."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from PIL import Image

THUMBNAIL_SIDE = 8
HSV_BINS = (12, 3, 3)  # many hues, for hue names a colour; few saturations and values
EDGE_CELLS = 4  # along each side of the picture
EDGE_BINS = 8  # orientations over half a turn

#: Words, and numbers: "flag: Côte d’Ivoire" -> flag, côte, d’ivoire.
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


class Vocabulary(NamedTuple):
    """The words that text descriptors count, ascending, and their inverse document frequencies."""

    words: tuple[str, ...]
    idf: Float64[np.ndarray, " num_words"]


def image_descriptors(
    images: UInt8[np.ndarray, "num_images side side 3"],
    centre_on: UInt8[np.ndarray, "num_others side side 3"] | None = None,
) -> Float64[np.ndarray, "num_images 428"]:
    """Describe pictures by thumbnail, colours and edges, each relative to an average picture.

    row = [u(t − t̄), u(√h − √h̄), u(√e − √ē)] / √3, where u(v) = v/‖v‖

    t: 8×8 RGB thumbnail (192 numbers). h: joint histogram over 12 hues × 3 saturations × 3 values (108).
    e: gradient magnitude by 4×4 cells and 8 orientations (128). A bar is the mean over ``centre_on``, taken
    after the root.

    Parameters
    ----------
    images : uint8 array, shape [num_images, side, side, 3]
        RGB, ``side`` a multiple of 8.
    centre_on : uint8 array, shape [num_others, side, side, 3], optional
        Pictures whose mean descriptor is subtracted, for example those of the training split. By default
        ``images``; needs no knowledge of which picture is paired with which.

    Returns
    -------
    float64 array, shape [num_images, 428]
        Rows of length 1 (shorter where a part equals the mean exactly, and is therefore zero).

    Raises
    ------
    ValueError
        If an array is not uint8 of that shape, or is empty.

    Notes
    -----
    The roots keep the large white background from drowning the rest: they turn distances between histograms
    into Hellinger distances.

    References
    ----------
    Dalal & Triggs, "Histograms of oriented gradients for human detection", CVPR 2005. Arandjelović &
    Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012 (the root).
    """
    _check_images("images", images)
    parts = _image_parts(images)
    if centre_on is None:
        means = [part.mean(axis=0) for part in parts]
    else:
        _check_images("centre_on", centre_on)
        means = [part.mean(axis=0) for part in _image_parts(centre_on)]
    centred = [unit_rows(part - mean) for part, mean in zip(parts, means, strict=True)]
    return np.concatenate(centred, axis=1) / np.sqrt(len(parts))


def build_vocabulary(texts: Sequence[str], min_count: int = 2) -> Vocabulary:
    """Collect the words of at least ``min_count`` texts.

    idf_w = log(M / M_w), with M texts of which M_w hold the word w

    Parameters
    ----------
    texts : sequence of str
        Usually the training captions.
    min_count : int, default 2
        Words of fewer texts cannot tie two captions together and are left out.

    Returns
    -------
    Vocabulary
        Words in lower case.

    Raises
    ------
    ValueError
        If no word is left.
    """
    counts = Counter(word for text in texts for word in _words(text))
    words = tuple(sorted(word for word, count in counts.items() if count >= min_count))
    if not words:
        raise ValueError(
            f"texts must share words, got {len(texts)} texts of {len(counts)} words, "
            f"none of them in {min_count} texts or more."
        )
    return Vocabulary(words, np.log(len(texts) / np.array([counts[word] for word in words])))


def text_descriptors(
    texts: Sequence[str], vocabulary: Vocabulary
) -> Float64[np.ndarray, "num_texts num_words"]:
    """Describe texts by their words, rare ones weighing more, order and repetition forgotten.

    row = u(1[word in text] · idf), where u(v) = v/‖v‖

    Parameters
    ----------
    texts : sequence of str
        Captions.
    vocabulary : Vocabulary
        From ``build_vocabulary``; words outside it are passed over.

    Returns
    -------
    float64 array, shape [num_texts, num_words]
        Rows of length 1, or zero where no word is known.
    """
    column = {word: index for index, word in enumerate(vocabulary.words)}
    bag = np.zeros((len(texts), len(column)))
    for row, text in enumerate(texts):
        known = [column[word] for word in _words(text) if word in column]
        bag[row, known] = vocabulary.idf[known]
    return unit_rows(bag)


def unit_rows(rows: Float64[np.ndarray, "num_rows dim"]) -> Float64[np.ndarray, "num_rows dim"]:
    """Divide every row by its length; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _image_parts(images: UInt8[np.ndarray, "num_images side side 3"]) -> list[Float64[np.ndarray, "_ _"]]:
    return [_thumbnails(images), np.sqrt(_hsv_histograms(images)), np.sqrt(_edge_histograms(images))]


def _thumbnails(images: UInt8[np.ndarray, "num_images side side 3"]) -> Float64[np.ndarray, "num_images 192"]:
    count, side = images.shape[:2]
    box = side // THUMBNAIL_SIDE
    boxes = images.reshape(count, THUMBNAIL_SIDE, box, THUMBNAIL_SIDE, box, 3)
    return boxes.mean(axis=(2, 4)).reshape(count, -1) / 255


def _hsv_histograms(
    images: UInt8[np.ndarray, "num_images side side 3"],
) -> Float64[np.ndarray, "num_images 108"]:
    count, side = images.shape[:2]
    column = Image.fromarray(images.reshape(count * side, side, 3))
    hsv = np.asarray(column.convert("HSV")).reshape(count, side * side, 3).astype(np.int64)
    hue, saturation, value = (hsv[..., axis] * bins // 256 for axis, bins in enumerate(HSV_BINS))
    bins = (hue * HSV_BINS[1] + saturation) * HSV_BINS[2] + value
    return _histograms(bins, np.full(bins.shape, 1 / side**2), int(np.prod(HSV_BINS)))


def _edge_histograms(
    images: UInt8[np.ndarray, "num_images side side 3"],
) -> Float64[np.ndarray, "num_images 128"]:
    count, side = images.shape[:2]
    down, right = np.gradient(images / 255 @ _LUMA, axis=(1, 2))
    # Half a turn: an outline is the same edge whether dark lies left of it or right.
    orientation = (np.arctan2(down, right) % np.pi) * (EDGE_BINS / np.pi)
    # Rounding can land the remainder on π itself, one bin too far.
    orientation_bin = np.minimum(orientation.astype(np.int64), EDGE_BINS - 1)
    cell = np.arange(side) * EDGE_CELLS // side
    bins = (cell[:, None] * EDGE_CELLS + cell) * EDGE_BINS + orientation_bin
    return _histograms(
        bins.reshape(count, -1), np.hypot(down, right).reshape(count, -1), EDGE_CELLS**2 * EDGE_BINS
    )


def _histograms(
    bins: Int64[np.ndarray, "num_rows num_votes"],
    weights: Float64[np.ndarray, "num_rows num_votes"],
    num_bins: int,
) -> Float64[np.ndarray, "num_rows num_bins"]:
    count = len(bins)
    flat = bins + num_bins * np.arange(count)[:, None]
    votes = np.bincount(flat.ravel(), weights=weights.ravel(), minlength=count * num_bins)
    return votes.reshape(count, num_bins)


def _check_images(name: str, images: np.ndarray) -> None:
    fits = images.ndim == 4 and images.shape[1] == images.shape[2] and images.shape[3] == 3
    if images.dtype != np.uint8 or not fits or images.size == 0 or images.shape[1] % THUMBNAIL_SIDE:
        raise ValueError(
            f"{name} must be uint8 RGB pictures, [num_images, side, side, 3] with side a multiple of "
            f"{THUMBNAIL_SIDE}, got {images.dtype} of shape {list(images.shape)}."
        )
