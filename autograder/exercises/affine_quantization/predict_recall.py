"""Real features on few bits: what is left of the retrieval?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "affine_quantization.predict_recall",
    "The recall at 1 among 191 emoji with features of 2 bits and the best clip limit (28 % with 32 bits)",
    "percent",
)
