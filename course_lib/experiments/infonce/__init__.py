"""The measurements of lesson 01. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.infonce.batches import Blocks, MicroBatches, blocks, micro_batches
from course_lib.experiments.infonce.bugs import BuggyTraining, buggy_training, loss_with_three_bugs
from course_lib.experiments.infonce.geometry import (
    Landmarks,
    LengthEffect,
    PrintedLoss,
    landmarks,
    length_effect,
    printed_loss,
)
from course_lib.experiments.infonce.information import Ceiling, information_ceiling
from course_lib.experiments.infonce.negatives import (
    HardNegatives,
    SamePictures,
    Twins,
    hard_negatives,
    same_pictures,
    twins,
)
from course_lib.experiments.infonce.real_pairs import (
    SCALE,
    Confusions,
    Retrieval,
    ScaleSweep,
    confusions,
    emoji_features,
    retrieval,
    scale_sweep,
)

__all__ = [
    "SCALE",
    "Blocks",
    "BuggyTraining",
    "Ceiling",
    "Confusions",
    "HardNegatives",
    "Landmarks",
    "LengthEffect",
    "MicroBatches",
    "PrintedLoss",
    "Retrieval",
    "SamePictures",
    "ScaleSweep",
    "Twins",
    "blocks",
    "buggy_training",
    "confusions",
    "emoji_features",
    "hard_negatives",
    "information_ceiling",
    "landmarks",
    "length_effect",
    "loss_with_three_bugs",
    "micro_batches",
    "printed_loss",
    "retrieval",
    "same_pictures",
    "scale_sweep",
    "twins",
]
