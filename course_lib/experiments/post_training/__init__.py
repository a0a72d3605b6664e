"""The measurements of lesson 07, first notebook. Lesson, claims ledger and tests call the same functions."""

from course_lib.experiments.post_training.bugs import kv_with_three_bugs
from course_lib.experiments.post_training.cache import CacheError, cache_error, long_cache_error
from course_lib.experiments.post_training.calibration import (
    Calibrated,
    MassiveToken,
    Unseen,
    calibrated,
    calibration_data,
    massive_token,
    observers,
    unseen,
)
from course_lib.experiments.post_training.layers import Arithmetic, LayerSpeeds, arithmetic, layer_speeds
from course_lib.experiments.post_training.machine import Machine, Spread, roofline
from course_lib.experiments.post_training.rounding import Rounding, rounding
from course_lib.experiments.post_training.whole_models import (
    Batches,
    Decoding,
    Sizes,
    batches,
    decoding,
    sizes,
)

__all__ = [
    "Arithmetic",
    "Batches",
    "CacheError",
    "Calibrated",
    "Decoding",
    "LayerSpeeds",
    "Machine",
    "MassiveToken",
    "Rounding",
    "Sizes",
    "Spread",
    "Unseen",
    "arithmetic",
    "batches",
    "cache_error",
    "calibrated",
    "calibration_data",
    "decoding",
    "kv_with_three_bugs",
    "layer_speeds",
    "long_cache_error",
    "massive_token",
    "observers",
    "roofline",
    "rounding",
    "sizes",
    "unseen",
]
