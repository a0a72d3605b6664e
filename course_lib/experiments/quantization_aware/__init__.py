"""The measurements of lesson 08. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.quantization_aware.bugs import (
    BuggyConversion,
    buggy_conversion,
    convert_with_three_bugs,
)
from course_lib.experiments.quantization_aware.estimator import (
    ClippedWeight,
    Dithered,
    Optimizers,
    clipped_weight,
    descend,
    dithered,
    optimizers,
)
from course_lib.experiments.quantization_aware.oscillation import Between, between, restless
from course_lib.experiments.quantization_aware.studies import (
    Arms,
    Gradients,
    Oscillation,
    Rerun,
    arms_rerun,
    arms_study,
    gradient_study,
    oscillation_study,
    recorded_studies,
)
from course_lib.experiments.quantization_aware.study import arm_run, gradient_run
from course_lib.experiments.quantization_aware.tower import (
    Folding,
    Layers,
    LiveEpoch,
    PostTraining,
    Travel,
    Watched,
    adam_travel,
    folding,
    post_training_table,
    printed_gradients,
    train_aware,
)
from course_lib.experiments.quantization_aware.tuning import Recall

__all__ = [
    "Arms",
    "Between",
    "BuggyConversion",
    "ClippedWeight",
    "Dithered",
    "Folding",
    "Gradients",
    "Layers",
    "LiveEpoch",
    "Optimizers",
    "Oscillation",
    "PostTraining",
    "Recall",
    "Rerun",
    "Travel",
    "Watched",
    "adam_travel",
    "arm_run",
    "arms_rerun",
    "arms_study",
    "between",
    "buggy_conversion",
    "clipped_weight",
    "convert_with_three_bugs",
    "descend",
    "dithered",
    "folding",
    "gradient_run",
    "gradient_study",
    "optimizers",
    "oscillation_study",
    "post_training_table",
    "printed_gradients",
    "recorded_studies",
    "restless",
    "train_aware",
]
