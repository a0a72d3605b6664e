"""What the measurements of this lesson allow to conclude."""

from autograder.open_questions import Explanation

asked = Explanation(
    "mini_clip.explain_study",
    title="Explain it",
    minutes=10,
    points=2,
    skills=["evaluation", "batch size", "zero-shot"],
    rubric=[
        "The other vendor's drawings show emoji whose names were trained on: that is domain shift. Zero-shot is what "
        "was held out by concept.",
        "A comparison of batch sizes must fix the samples seen and tune the rate of each loss at each size; otherwise it "
        "compares learning rates or numbers of steps.",
        "A difference smaller than the error bars over seeds is no difference, and “no difference here” is no proof that "
        "none exists at another scale.",
        "1,720 pairs and batches up to 512 cannot test a statement about batches of 16 k and 400 million noisy pairs.",
    ],
    hints=[
        "Take the report apart into its claims. For each: which measurement would settle it, and is it the one that "
        "was made?",
        "Two headings: what “zero-shot” means here (concept, vendor), and what a fair comparison of batch sizes holds "
        "fixed and what its error bars say.",
        "Write: the 17 % are …, since their names …; the two curves differ by …, the error bars are …; what follows for "
        "batches of 16 k is …, because ….",
    ],
)
