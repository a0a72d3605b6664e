"""Memorisation: what does training without augmentation do to the other vendor's drawings?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "mini_clip.predict_unaugmented",
    "Recall at 1 on the other vendor's drawings, trained without augmentation",
    "%",
)
