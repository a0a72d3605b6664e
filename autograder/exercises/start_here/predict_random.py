"""The first prediction: how large is a cosine by chance?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "start_here.predict_random", "The typical size of the cosine of two random directions, width 512"
)
