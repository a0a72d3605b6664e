"""The learned temperature: where does 1/τ end, having begun at 14.3?"""

from autograder.open_questions import Prediction

asked = Prediction("mini_clip.predict_scale", "1/τ after training with InfoNCE, having begun at 14.3")
