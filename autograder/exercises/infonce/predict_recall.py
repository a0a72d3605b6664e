"""Real data: how often does a closed-form map find the right name?"""

from autograder.open_questions import Prediction

asked = Prediction("infonce.predict_recall", "Recall at 1 among 191 unseen emoji, in percent", "%")
