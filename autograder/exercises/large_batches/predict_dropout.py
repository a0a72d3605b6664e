"""How wrong is a cached gradient when the dropout of the second pass is another one?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "large_batches.predict_dropout",
    "The error of the gradient when dropout is not replayed",
    "% of its length",
)
