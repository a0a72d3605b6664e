"""One loud channel: how many codes of the others are zero?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "affine_quantization.predict_zeros",
    "The share of the other 255 channels' int8 codes that are 0, when one channel is 100 times as loud",
    "percent",
)
