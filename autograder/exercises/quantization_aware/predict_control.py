"""How much of the loss does training without rounding win back?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "quantization_aware.predict_control",
    "Recall at 1 on 3 bits, after 208 more steps in floating point and then quantizing",
    "percent",
)
