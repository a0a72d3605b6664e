"""The measurements of lesson 05. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.mini_clip.boards import SearchBoard, boards
from course_lib.experiments.mini_clip.bugs import SilentBugs, silent_bugs, train_with_three_bugs
from course_lib.experiments.mini_clip.emoji import EmojiTensors, emoji_tensors
from course_lib.experiments.mini_clip.evaluation import Evaluation, evaluate
from course_lib.experiments.mini_clip.gap import (
    FixedTemperature,
    Gap,
    ShiftedGap,
    fixed_temperature,
    gap,
    shifted_gap,
)
from course_lib.experiments.mini_clip.limits import Counting, Family, WordOrder, counting, word_order
from course_lib.experiments.mini_clip.live import SameCandidates, Snapshot, same_candidates, snapshot
from course_lib.experiments.mini_clip.repeated import Repeated, false_negatives
from course_lib.experiments.mini_clip.retrieval import (
    Captioned,
    Directions,
    Gallery,
    Memorisation,
    Retrieval,
    captioned,
    directions,
    gallery,
    memorisation,
    retrieval,
)
from course_lib.experiments.mini_clip.scale import LearnedScale, learned_scale
from course_lib.experiments.mini_clip.training import train
from course_lib.experiments.mini_clip.zero_shot import (
    PROMPTS,
    TEMPLATES,
    Calibration,
    Confusion,
    ZeroShot,
    calibration,
    group_confusion,
    zero_shot,
)

__all__ = [
    "PROMPTS",
    "TEMPLATES",
    "Calibration",
    "Captioned",
    "Confusion",
    "Counting",
    "Directions",
    "EmojiTensors",
    "Evaluation",
    "Family",
    "FixedTemperature",
    "Gallery",
    "Gap",
    "LearnedScale",
    "Memorisation",
    "Repeated",
    "Retrieval",
    "SameCandidates",
    "SearchBoard",
    "ShiftedGap",
    "SilentBugs",
    "Snapshot",
    "WordOrder",
    "ZeroShot",
    "boards",
    "calibration",
    "captioned",
    "counting",
    "directions",
    "emoji_tensors",
    "evaluate",
    "false_negatives",
    "fixed_temperature",
    "gallery",
    "gap",
    "group_confusion",
    "learned_scale",
    "memorisation",
    "retrieval",
    "same_candidates",
    "shifted_gap",
    "silent_bugs",
    "snapshot",
    "train",
    "train_with_three_bugs",
    "word_order",
    "zero_shot",
]
