"""Why an average over a tensor says nothing of its small channels."""

from autograder.open_questions import Explanation

asked = Explanation(
    "affine_quantization.explain_healthy",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["signal to noise", "granularity"],
    rubric=[
        "The ratio is one sum over another: the loud channel supplies nearly all of the signal, and hides the rest.",
        "With one scale for all, the step is set by the loudest channel; values under half a step become 0.",
        "Measure per channel (or the output error of the layer), and count zero codes.",
        "A scale for each output channel repairs a weight, since it can be put in after the integer sums; a loud "
        "input channel cannot be repaired that way.",
    ],
    hints=[
        "Which channel do the two sums of the ratio consist of?",
        "Three things: what the ratio averages over, what the step is for quiet channels, and which scales an "
        "integer product can take.",
        "Write: the loud channel is 99 % of Σ x²; quiet values lie under half a step; so look at each channel; and "
        "scales of rows come out of the sum over k, scales of columns do not.",
    ],
)
