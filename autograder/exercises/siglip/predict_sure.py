"""Ten wrong captions: how often does a softmax insist on one of them?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "siglip.predict_sure",
    "The percentage of pictures for which the softmax gives one of ten wrong captions at least one half",
    "%",
)
