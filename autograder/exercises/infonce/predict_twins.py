"""False negatives: what is the best possible loss when every pair comes twice?"""

from autograder.open_questions import Prediction

asked = Prediction("infonce.predict_twins", "The lowest loss when every pair is in the batch twice", "nats")
