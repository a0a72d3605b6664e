"""Before the first grid is laid: what do two bits keep of a bell curve?"""

from autograder.open_questions import Prediction

asked = Prediction(
    "affine_quantization.predict_two_bits",
    "The signal-to-noise ratio of 100,000 Gaussian values on three codes that span their whole range",
    "dB (zeros everywhere would be 0)",
)
