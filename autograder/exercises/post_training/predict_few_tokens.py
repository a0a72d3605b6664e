"""Before calibration data is cut: what is GPTQ worth with two sequences?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "post_training.predict_few_tokens",
    "GPTQ's output error on other text when only 64 tokens calibrate, divided by that of rounding to nearest, on 3 bits",
    "times (below 1: GPTQ is better)",
)
