"""Why methods that know the inputs hold up where rounding to nearest does not."""

from autograder.open_questions import Explanation

asked = Explanation(
    "post_training.explain_second_order",
    title="Explain it",
    minutes=6,
    points=2,
    skills=["GPTQ", "AWQ", "layer-wise error"],
    rubric=[
        "The layer's output is to be kept, not its weights: the error is δ H δᵀ, and H = 2XᵀX weighs directions by the "
        "inputs that occur.",
        "GPTQ uses H off the diagonal: correlated columns make up for each other's rounding, so weights leave their nearest "
        "codes and their own error grows.",
        "AWQ uses magnitudes only: columns with large inputs are stretched, so that their error is smaller, and "
        "inputs shrunk; no weight makes up for another.",
        "H is estimated: GPTQ needs many tokens like those to come (with few, it was worse than rounding here), AWQ needs few.",
    ],
    hints=[
        "Write the output error as a quadratic form. What does each of the two methods know of the matrix in it?",
        "Four things: what is to be small; what GPTQ does with correlation; what AWQ does with magnitude; what both pay "
        "for calibration data.",
        "Write: rounding to nearest minimises δᵀδ, not δᵀHδ; GPTQ feeds errors to correlated columns; AWQ protects "
        "columns with large inputs by stretching; and H of few tokens is not the H of other texts.",
    ],
)
