"""The measurements of lesson 02. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.emoji_descriptors import Descriptors, descriptors
from course_lib.experiments.temperature.bugs import (
    WEIGHT_DECAY,
    BuggyScale,
    buggy_scale,
    scale_step_with_three_bugs,
)
from course_lib.experiments.temperature.calibration import (
    Calibration,
    caption_calibration,
    vendor_calibration,
)
from course_lib.experiments.temperature.features import Pairs, unseen_pairs
from course_lib.experiments.temperature.hardness import (
    Concentration,
    FalseNegatives,
    concentration,
    false_negatives,
)
from course_lib.experiments.temperature.landscape import Descent, Landscape, descent, landscape
from course_lib.experiments.temperature.overflow import Overflow, overflow
from course_lib.experiments.temperature.pairs import learned_pairs, learned_sweep, unseen_sweep
from course_lib.experiments.temperature.sharpness import Sharpest, sharpest
from course_lib.experiments.temperature.sweep import Sweep, measured_at, sweep
from course_lib.experiments.temperature.training import LearnedScale, learned_scale

__all__ = [
    "WEIGHT_DECAY",
    "BuggyScale",
    "Calibration",
    "Concentration",
    "Descent",
    "Descriptors",
    "FalseNegatives",
    "Landscape",
    "LearnedScale",
    "Overflow",
    "Pairs",
    "Sharpest",
    "Sweep",
    "buggy_scale",
    "caption_calibration",
    "concentration",
    "descent",
    "descriptors",
    "false_negatives",
    "landscape",
    "learned_pairs",
    "learned_scale",
    "learned_sweep",
    "measured_at",
    "overflow",
    "scale_step_with_three_bugs",
    "sharpest",
    "sweep",
    "unseen_pairs",
    "unseen_sweep",
    "vendor_calibration",
]
