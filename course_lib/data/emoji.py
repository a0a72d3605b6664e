"""Emoji: 1,911 image-text pairs, every picture drawn by two vendors.

Real, small and freely licensed: 32×32 pictures by Noto and by Twemoji, with the English names and keywords of
Unicode CLDR. README.md beside this file says where they come from and how they may be used.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Int64, UInt8

from course_lib.data._files import DATA_FOLDER, open_arrays, read_checked

Vendor = Literal["noto", "twemoji"]
VENDORS: tuple[Vendor, ...] = get_args(Vendor)


@dataclass(frozen=True, eq=False)
class EmojiPairs:
    """Pictures of one vendor, with what they are called. Row i of every field is one emoji.

    The rows of both vendors are the same emoji in the same order, Unicode's own: faces first, flags last.
    Loaded pairs are shared between callers, hence tuples and a read-only array. ``torch.tensor(images)``
    copies the pictures into a tensor; ``torch.from_numpy`` would warn that they cannot be written.

    Attributes
    ----------
    vendor : {"noto", "twemoji"}
        Who drew the pictures.
    images : uint8 array, shape [num_pairs, 32, 32, 3]
        RGB in 0..255, on white, read-only.
    names : tuple of str
        CLDR short names ("grinning face"); no two are equal.
    tags : tuple of tuple of str
        CLDR keywords, in alphabetical order.
    groups, subgroups : tuple of str
        Unicode's grouping, for example "Smileys & Emotion" and "face-smiling".
    codepoints : tuple of str
        In hexadecimal, joined by hyphens: "1F600".
    """

    vendor: Vendor
    images: UInt8[np.ndarray, "num_pairs 32 32 3"]
    names: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    subgroups: tuple[str, ...]
    codepoints: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, indices: Sequence[int] | Int64[np.ndarray, " num_taken"]) -> "EmojiPairs":
        """Return the pairs at ``indices``, in that order."""
        rows = np.asarray(indices, dtype=np.int64)
        return EmojiPairs(
            vendor=self.vendor,
            images=_read_only(self.images[rows]),
            names=tuple(self.names[row] for row in rows),
            tags=tuple(self.tags[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
            subgroups=tuple(self.subgroups[row] for row in rows),
            codepoints=tuple(self.codepoints[row] for row in rows),
        )


class Split(NamedTuple):
    """Two disjoint sets of row numbers, ascending, that together are all rows."""

    train: Int64[np.ndarray, " num_train"]
    held_out: Int64[np.ndarray, " num_held_out"]


def load_emoji(vendor: Vendor = "noto", *, folder: Path = DATA_FOLDER) -> EmojiPairs:
    """Load the emoji as one vendor draws them.

    Parameters
    ----------
    vendor : {"noto", "twemoji"}, default "noto"
        Whose drawings.
    folder : Path, default the folder of this module
        Where emoji.npz, emoji.json and checksums.json lie.

    Returns
    -------
    EmojiPairs
        The same object at every call: reading takes 0.2 s once.

    Raises
    ------
    ValueError
        If the vendor is unknown, or a file is missing or damaged.

    Examples
    --------
    >>> pairs = load_emoji()
    >>> len(pairs), pairs.images.shape, pairs.names[0], pairs.tags[0][:2]
    (1911, (1911, 32, 32, 3), 'grinning face', ('cheerful', 'cheery'))
    """
    if vendor not in VENDORS:
        raise ValueError(f"vendor must be one of {', '.join(map(repr, VENDORS))}, got {vendor!r}.")
    return _load(vendor, folder)


@lru_cache(maxsize=2 * len(VENDORS))
def _load(vendor: Vendor, folder: Path) -> EmojiPairs:
    with open_arrays("emoji.npz", folder) as arrays:
        images = arrays[vendor]
    records = json.loads(read_checked("emoji.json", folder))["emoji"]
    return EmojiPairs(
        vendor=vendor,
        images=_read_only(images),
        names=tuple(record["name"] for record in records),
        tags=tuple(tuple(record["tags"]) for record in records),
        groups=tuple(record["group"] for record in records),
        subgroups=tuple(record["subgroup"] for record in records),
        codepoints=tuple(record["codepoints"] for record in records),
    )


def captions(pairs: EmojiPairs, *, with_tags: bool = False) -> list[str]:
    """Return one caption for each pair: "grinning face", or "grinning face: cheerful, cheery, face, ..."."""
    if not with_tags:
        return list(pairs.names)
    return [f"{name}: {', '.join(tags)}" for name, tags in zip(pairs.names, pairs.tags, strict=True)]


def same_picture(pairs: EmojiPairs) -> Int64[np.ndarray, " num_pairs"]:
    """Return for each pair the first row with exactly its pixels, usually its own.

    Where ``same_picture(pairs)[i] == same_picture(pairs)[j]`` for i ≠ j, caption j fits picture i perfectly,
    and a batch with both holds a false negative: the flags of Norway and of Svalbard & Jan Mayen. Noto has
    1,897 different pictures, Twemoji 1,878: its families of three are one picture, whoever is in them. One
    twin is a mistake of the source: Noto's flag of Sark shows that of Saudi Arabia.

    Returns
    -------
    int64 array, shape [num_pairs]
        Never larger than the row's own number.
    """
    first: dict[bytes, int] = {}
    rows = [first.setdefault(image.tobytes(), row) for row, image in enumerate(pairs.images)]
    return np.array(rows, dtype=np.int64)


def split_emoji(pairs: EmojiPairs, held_out: int = 191, seed: int = 0) -> Split:
    """Hold out emoji at random, from every group its share.

    held_out_g = held_out · M_g / M, rounded down, and one more where the largest remainders are.

    Parameters
    ----------
    pairs : EmojiPairs
        What to split. Both vendors give the same split, for only ``pairs.groups`` matters.
    held_out : int, default 191
        How many, from 0 to ``len(pairs)``.
    seed : int, default 0
        At least 0; the same seed gives the same split everywhere.

    Returns
    -------
    Split
        ``train`` and ``held_out``, row numbers for ``pairs.take``.

    Raises
    ------
    TypeError, ValueError
        If ``held_out`` or ``seed`` is not an integer in its range.

    Notes
    -----
    Held out means: this emoji was not trained on. It does not mean that nothing like it was: "man juggling"
    may be held out while "woman juggling" is not, and a few flags are drawn alike under two names.
    """
    # Late, since the course's messages live beside torch, and reading the pictures must not load it.
    from course_lib.validate import check_int

    check_int("held_out", held_out, low=0, high=len(pairs))
    check_int("seed", seed, low=0)
    group_of = np.array(pairs.groups)
    groups, sizes = np.unique(group_of, return_counts=True)
    whole, remainder = np.divmod(held_out * sizes, max(len(pairs), 1))
    missing = held_out - whole.sum()
    whole[np.argsort(-remainder, kind="stable")[:missing]] += 1
    generator = np.random.default_rng(seed)
    is_held_out = np.zeros(len(pairs), dtype=bool)
    for group, count in zip(groups, whole, strict=True):
        is_held_out[generator.permutation(np.flatnonzero(group_of == group))[:count]] = True
    return Split(train=np.flatnonzero(~is_held_out), held_out=np.flatnonzero(is_held_out))


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
