"""How large is CLIP's matrix of logits?"""

from autograder.open_questions import Prediction

asked = Prediction("large_batches.predict_logits", "The memory of the 32-bit logits of 32,768 pairs", "GB")
