"""Fewer bits, slower?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "post_training.predict_dequantize",
    "How many times as fast as float32 a layer is, whose 4-bit weights are first written out as float32",
    "times",
)
