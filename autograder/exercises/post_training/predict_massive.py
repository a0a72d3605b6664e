"""A range that covers everything: what is left of the ordinary tokens?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "post_training.predict_massive",
    "Signal to noise of a real int8 layer's output at ordinary tokens, with the range of everything that was seen",
    "dB",
)
