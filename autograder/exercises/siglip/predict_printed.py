"""Before the printed formula is run: what does its bias do?"""

from autograder.open_questions import Prediction

asked = Prediction("siglip.predict_printed", "The printed loss of 64 random pairs at b = 20", "nats")
