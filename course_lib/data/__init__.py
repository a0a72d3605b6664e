"""Data: image-text pairs and their features, a text, recorded activations. Loads torch only when needed."""

from course_lib.data.activations import Activations, load_activations
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
from course_lib.data.layer_weights import load_layer_weights
from course_lib.data.minilm import minilm_missing
from course_lib.data.minilm_layer import MiniLMLayer, load_minilm_layer
from course_lib.data.prose import load_prose
from course_lib.data.smollm2 import smollm2_missing

__all__ = [
    "VENDORS",
    "Activations",
    "CanonicalMaps",
    "EmojiPairs",
    "FeaturePairs",
    "MiniLMLayer",
    "Split",
    "Vendor",
    "Vocabulary",
    "build_vocabulary",
    "captions",
    "fit_cca",
    "image_descriptors",
    "load_activations",
    "load_emoji",
    "load_layer_weights",
    "load_minilm_layer",
    "load_prose",
    "minilm_missing",
    "paired_features",
    "same_picture",
    "smollm2_missing",
    "split_emoji",
    "text_descriptors",
    "vendor_pairs",
]
