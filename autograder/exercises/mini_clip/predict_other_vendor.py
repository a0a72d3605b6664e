"""Memory or meaning: how well are the same emoji found in another vendor's drawing?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "mini_clip.predict_other_vendor", "Recall at 1 for trained emoji as the other vendor draws them", "%"
)
