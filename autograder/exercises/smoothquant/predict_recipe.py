"""Will the published recipe repair the perplexity?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "smoothquant.predict_recipe",
    "Perplexity with static int8 scales after smoothing what the norms put out, with α = ½",
    "",
)
