"""Before the first loss is computed: what does knowing nothing cost?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "infonce.predict_chance", "The loss of a model that knows nothing, for a batch of 256", "nats"
)
