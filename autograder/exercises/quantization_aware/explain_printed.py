"""What the printed estimator leaves out, and what the estimator is good for."""

from autograder.open_questions import Explanation

asked = Explanation(
    "quantization_aware.explain_printed",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["straight-through estimator", "quantization-aware training"],
    rubric=[
        "X̃ = s (X_int − z), so ∂L/∂X_int = s · ∂L/∂X̃: taken at its word, the printed gradient is s times the one meant.",
        "It has no clip: the gradient of a value outside the range is 0, for such a value cannot move its output.",
        "Adam divides by the gradient's size and so nearly undoes a constant factor; plain gradient descent does not, and "
        "factors of several layers multiply.",
        "The estimator is exact for the mean under dither and a linear loss; in training it is a useful bias, not a "
        "derivative.",
    ],
    hints=[
        "Two things are missing from the printed formula: a number and a condition.",
        "What is ∂X̃/∂X_int? What is the slope of a clip outside? And which optimizer divides by the gradient's size?",
        "Write: ∂L/∂X_int = s ∂L/∂X̃, so s times too small; no mask, so clipped values are pushed although nothing "
        "depends on them; SGD is slowed down layer by layer, Adam hardly.",
    ],
)
