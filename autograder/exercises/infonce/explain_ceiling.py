"""Why log N is a ceiling for what the loss can show."""

from autograder.open_questions import Explanation

asked = Explanation(
    "infonce.explain_ceiling",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["mutual information", "batch size"],
    rubric=[
        "The loss is at least 0, so log N − loss, the estimate of the mutual information, is at most log N.",
        "Comparing losses across batch sizes is meaningless: chance itself is log N (0.69 nats more when N doubles).",
        "A bigger batch raises the ceiling and adds negatives, some of them hard.",
        "False negatives put a floor under the loss: two captions that fit equally cost log 2 for that row.",
    ],
    hints=[
        "Start from the largest and the smallest value the loss can sensibly take for a batch of N.",
        "Two numbers and one caveat: chance, the ceiling of the estimate, and what duplicates do.",
        "Write: chance = log N; loss ≥ 0; so log N − loss ≤ log N; and what the floor is when every item comes twice.",
    ],
)
