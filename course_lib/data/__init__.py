"""Data: real image-text pairs and their features. Loads no torch before a function needs it."""

from course_lib.data.cca import CanonicalMaps, fit_cca
from course_lib.data.descriptors import (
    Vocabulary,
    build_vocabulary,
    image_descriptors,
    text_descriptors,
)
from course_lib.data.emoji import (
    VENDORS,
    EmojiPairs,
    Split,
    Vendor,
    captions,
    load_emoji,
    same_picture,
    split_emoji,
)
from course_lib.data.features import FeaturePairs, paired_features, vendor_pairs

__all__ = [
    "VENDORS",
    "CanonicalMaps",
    "EmojiPairs",
    "FeaturePairs",
    "Split",
    "Vendor",
    "Vocabulary",
    "build_vocabulary",
    "captions",
    "fit_cca",
    "image_descriptors",
    "load_emoji",
    "paired_features",
    "same_picture",
    "split_emoji",
    "text_descriptors",
    "vendor_pairs",
]
