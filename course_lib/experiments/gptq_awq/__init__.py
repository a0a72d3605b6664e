"""The measurements of lesson 07's second notebook, for lesson, claims ledger and tests alike."""

from course_lib.experiments.gptq_awq.bugs import BuggyBlocks, blocks_with_three_bugs, buggy_blocks
from course_lib.experiments.gptq_awq.calibration import (
    CalibrationText,
    CalibrationTokens,
    calibration_text,
    calibration_tokens,
)
from course_lib.experiments.gptq_awq.choices import ActOrder, GroupScales, act_order, group_scales
from course_lib.experiments.gptq_awq.methods import (
    AlphaCurve,
    Comparison,
    Groups,
    Synthetic,
    TwoErrors,
    alpha_curve,
    comparison,
    groups,
    related_columns,
    synthetic,
    two_errors,
)
from course_lib.experiments.gptq_awq.recorded import RecordedSentences, recorded_sentences
from course_lib.experiments.gptq_awq.whole_model import Sentences, sentences

__all__ = [
    "ActOrder",
    "AlphaCurve",
    "BuggyBlocks",
    "CalibrationText",
    "CalibrationTokens",
    "Comparison",
    "GroupScales",
    "Groups",
    "RecordedSentences",
    "Sentences",
    "Synthetic",
    "TwoErrors",
    "act_order",
    "alpha_curve",
    "blocks_with_three_bugs",
    "buggy_blocks",
    "calibration_text",
    "calibration_tokens",
    "comparison",
    "group_scales",
    "groups",
    "recorded_sentences",
    "related_columns",
    "sentences",
    "synthetic",
    "two_errors",
]
