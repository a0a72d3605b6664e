"""±1 or 1 and 0, and what is decoupled about the sigmoid loss."""

from autograder.open_questions import Explanation

asked = Explanation(
    "siglip.explain_labels",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["labels", "batch size", "bias"],
    rubric=[
        "With targets 1 and 0 in a binary cross-entropy, −y log σ(ℓ) − (1 − y) log σ(−ℓ), the loss is the same as with z = ±1.",
        "0 put for z in log σ(zℓ) is wrong: each negative costs log 2 whatever its logit, and gets no gradient.",
        "No normaliser: a pair's own gradient does not depend on the other pairs, so blocks are exact.",
        "The batch still matters: N² pairs, N − 1 negatives for each positive, b* = −log(N − 1), chance at about log N + 1, "
        "and averaged micro-batches leave pairs out.",
    ],
    hints=[
        "Write the binary cross-entropy of one pair with y, once for y = 1 and once for y = 0.",
        "For the second sentence: list what is computed from one pair alone, and what counts pairs.",
        "Same: −y log σ(ℓ) − (1 − y) log σ(−ℓ). Wrong: log σ(0·ℓ) = −log 2. Batch: b*, the number of negatives, what "
        "micro-batches leave out.",
    ],
)
