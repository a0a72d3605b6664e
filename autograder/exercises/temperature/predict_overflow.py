"""Where does exp overflow in float32?"""

from autograder.open_questions import Prediction

asked = Prediction("temperature.predict_overflow", "The largest x for which exp(x) is finite in float32")
