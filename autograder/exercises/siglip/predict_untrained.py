"""Before the bias is initialised: what does an untrained model pay without one?"""

from autograder.open_questions import Prediction

asked = Prediction("siglip.predict_untrained", "The loss of 4,096 untrained pairs at b = 0", "nats")
