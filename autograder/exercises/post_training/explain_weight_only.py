"""Why weights of four bits do not make the arithmetic an integer one."""

from autograder.open_questions import Explanation

asked = Explanation(
    "post_training.explain_weight_only",
    title="Explain it",
    minutes=6,
    points=2,
    skills=["roofline", "weight-only quantization"],
    rubric=[
        "At batch 1 each weight is read for one product and one sum: reading takes the time, so fewer bytes are faster.",
        "With W4A16 the activations stay floating point, so codes are turned into floats before the product: no integer "
        "product is taken, and there is work on top.",
        "An integer product needs integers on both sides, W8A8, with scales that can leave the sum, and a kernel and "
        "instructions for it.",
        "With many sequences together (or a long prompt) arithmetic takes the time: there W4A16 gains little or "
        "nothing, and W8A8 can gain.",
    ],
    hints=[
        "Two clocks: one for reading, one for multiplying. Which one does W4A16 make faster, and which one is the slower "
        "one in each of the two cases?",
        "Say what is read, what is multiplied and in which type, and then compare one user with a hundred.",
        "One user: the bytes decide, and four bits have an eighth of them. A hundred: the products decide, and those of "
        "W4A16 are of floats, as before.",
    ],
)
