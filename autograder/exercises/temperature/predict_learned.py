"""Where does a learned scale go?"""

from autograder.open_questions import Prediction

asked = Prediction("temperature.predict_learned", "The learned 1/τ after 2,000 steps, starting at 14.3")
