"""How far does the channel stand out, without the first tokens?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "smoothquant.predict_token",
    "How many times the median channel maximum the largest one is in layer 11, without the first token of each sequence",
    "times",
)
