"""How many weights are still undecided at the end of training?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "quantization_aware.predict_flips",
    "The share of all weights whose 3-bit code goes back and forth in the last 50 steps, at a constant rate",
    "percent",
)
