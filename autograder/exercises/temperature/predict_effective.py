"""How many negatives count at CLIP's largest scale?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "temperature.predict_effective", "How many of 190 negatives count at τ = 0.01", "negatives"
)
