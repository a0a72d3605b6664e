"""Before GPTQ is run on a real matrix: what happens to the error of the weights?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "post_training.predict_weight_error",
    "The mean squared error of a real matrix's weights after GPTQ on 3 bits, divided by that of rounding to nearest",
    "times (below 1: GPTQ's weights are nearer)",
)
