"""Real paired features with no training loop: what lesson 01 measures its losses on.

``paired_features`` gives pictures and captions in one space, ``vendor_pairs`` the same emoji drawn twice.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64

from course_lib.data.cca import fit_cca
from course_lib.data.descriptors import build_vocabulary, image_descriptors, text_descriptors, unit_rows
from course_lib.data.emoji import EmojiPairs, Vendor, captions, load_emoji, split_emoji

#: The fit of ``paired_features`` needs the rest: 887 pairs at least.
MAX_HELD_OUT = 1024


@dataclass(frozen=True, eq=False)
class FeaturePairs:
    """Two feature matrices in one space; row i of both, and of the rest, is one emoji.

    Rows come in random order, so that the first N of them are a random batch of N.

    Attributes
    ----------
    first : float32 array, shape [num_pairs, dim]
        Pictures; rows of length 1.
    second : float32 array, shape [num_pairs, dim]
        Captions, or the other vendor's pictures; rows of length 1.
    indices : int64 array, shape [num_pairs]
        Row numbers for ``EmojiPairs.take``.
    names : tuple of str
        What the emoji are called.
    """

    first: Float32[np.ndarray, "num_pairs dim"]
    second: Float32[np.ndarray, "num_pairs dim"]
    indices: Int64[np.ndarray, " num_pairs"]
    names: tuple[str, ...]


def paired_features(
    vendor: Vendor = "noto", n_pairs: int = 191, *, dim: int = 64, ridge: float = 1.0, seed: int = 0
) -> FeaturePairs:
    """Features of held-out pictures and captions in one space, by ridge CCA fitted on the other emoji.

    Pictures are described by thumbnail, colours and edges, captions (name and tags) by their words; both are
    then projected with the canonical maps of the emoji that are *not* returned.

    Parameters
    ----------
    vendor : {"noto", "twemoji"}, default "noto"
        Whose pictures.
    n_pairs : int, default 191, at most 1024
        How many emoji are held out and returned. The more, the fewer the maps are fitted on: to compare
        batch sizes, ask once for the largest and take the first N rows.
    dim : int, default 64, at most 428
        Width of the common space.
    ridge : float, default 1.0
        See ``fit_cca``.
    seed : int, default 0
        Chooses the held-out emoji, through ``split_emoji``, and their order.

    Returns
    -------
    FeaturePairs
        ``first`` the pictures, ``second`` the captions. Fresh arrays, yours to change.

    Raises
    ------
    TypeError, ValueError
        If an argument is not in its range.

    Notes
    -----
    Of 191 held-out captions the right one comes first for about a third of the pictures, where chance is
    1/191. The first call takes about 2 s; the next with the same arguments, none.

    Examples
    --------
    >>> pairs = paired_features(n_pairs=100)
    >>> pairs.first.shape, pairs.second.shape
    ((100, 64), (100, 64))
    """
    from course_lib.validate import check_int  # late, for it loads torch: see split_emoji

    check_int("n_pairs", n_pairs, low=1, high=MAX_HELD_OUT)
    emoji = load_emoji(vendor)
    return _fresh(emoji, *_project(emoji, n_pairs, dim, ridge, seed))


def vendor_pairs(n_pairs: int = 191, *, seed: int = 0) -> FeaturePairs:
    """Descriptors of the same emoji as Noto and as Twemoji draw it: aligned, and nothing fitted.

    Each vendor's descriptors are relative to the mean of all that vendor's pictures, which uses no pairing.

    Parameters
    ----------
    n_pairs : int, default 191
        How many emoji, at most all 1,911. With one seed, ``paired_features`` returns the same ones in the
        same order.
    seed : int, default 0
        Chooses them, through ``split_emoji``, and their order.

    Returns
    -------
    FeaturePairs
        ``first`` the pictures by Noto, ``second`` those by Twemoji, 428 wide. Fresh arrays.

    Raises
    ------
    TypeError, ValueError
        If an argument is not in its range.

    Examples
    --------
    >>> vendor_pairs(n_pairs=50).first.shape
    (50, 428)
    """
    from course_lib.validate import check_int  # late, as above

    noto, twemoji = load_emoji("noto"), load_emoji("twemoji")
    check_int("n_pairs", n_pairs, low=1, high=len(noto))
    rows = _random_rows(noto, n_pairs, seed)
    first, second = (
        image_descriptors(emoji.images[rows], centre_on=emoji.images) for emoji in (noto, twemoji)
    )
    return _fresh(noto, first, second, rows)


@lru_cache(maxsize=8, typed=True)
def _project(
    emoji: EmojiPairs, n_pairs: int, dim: int, ridge: float, seed: int
) -> tuple[
    Float64[np.ndarray, "num_pairs dim"],
    Float64[np.ndarray, "num_pairs dim"],
    Int64[np.ndarray, " num_pairs"],
]:
    """Return the held-out pictures and captions projected, and their rows. Loaded pairs hash by identity."""
    train = split_emoji(emoji, n_pairs, seed).train
    texts = captions(emoji, with_tags=True)
    pictures = image_descriptors(emoji.images, centre_on=emoji.images[train])
    vocabulary = build_vocabulary([texts[row] for row in train])
    words = text_descriptors(texts, vocabulary)
    maps = fit_cca(pictures[train], words[train], dim, ridge)
    rows = _random_rows(emoji, n_pairs, seed)
    return (
        unit_rows((pictures[rows] - maps.x_mean) @ maps.x_map),
        unit_rows((words[rows] - maps.y_mean) @ maps.y_map),
        rows,
    )


def _random_rows(emoji: EmojiPairs, n_pairs: int, seed: int) -> Int64[np.ndarray, " num_pairs"]:
    """Return the held-out rows in random order: ascending order would put alike emoji into one batch."""
    return np.random.default_rng(seed).permutation(split_emoji(emoji, n_pairs, seed).held_out)


def _fresh(
    emoji: EmojiPairs,
    first: Float64[np.ndarray, "num_pairs dim"],
    second: Float64[np.ndarray, "num_pairs dim"],
    rows: Int64[np.ndarray, " num_pairs"],
) -> FeaturePairs:
    """Copy into new float32 arrays, torch's own default: a caller's changes must not reach the cache."""
    names = tuple(emoji.names[row] for row in rows)
    return FeaturePairs(first.astype(np.float32), second.astype(np.float32), rows.copy(), names)
