"""What the temperature does, and what it does not."""

from autograder.open_questions import Explanation

asked = Explanation(
    "temperature.explain_scale",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["temperature", "calibration"],
    rubric=[
        "Recall depends on the order of the cosines, which no τ changes; the loss is a U in τ, so a higher loss alone "
        "does not mean worse features.",
        "A small τ gives the push to a few of the hardest negatives (some of them false negatives); it makes the "
        "landscape more curved, not smoother.",
        "The scale grows as long as the training pairs can be told apart; the clip stops it, and does not prevent "
        "overflow: exp overflows float32 above 88.72, so the shift is still needed.",
        "A probability of 98 % means what the scale makes of it: confidence has to be calibrated on held-out pairs.",
    ],
    hints=[
        "Take the sentences one by one: what does τ change in recall, in loss, in gradients, in confidence?",
        "Four points: order against sharpness; who is pushed; why the scale grows and what the clip is for; "
        "confidence against accuracy.",
        "Write: recall is the same at every τ, loss is a U; small τ means few negatives and more curvature; the clip "
        "bounds growth, the shift prevents overflow; calibrate on held-out pairs.",
    ],
)
