"""A log-softmax that survives large logits."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, case
from autograder.exercises.ingredients import logits
from course_lib import contrastive

# Rows far apart (a shift by the largest logit of all loses the second row) and far-off entries in a row.
_HOT = np.array([[1000.0, 995.0, 0.0], [-1000.0, -1003.0, -998.0]])

asked = Exercise(
    "infonce.log_softmax_rows",
    title="A softmax over the batch",
    minutes=10,
    skills=["softmax", "numerical stability"],
    reference=contrastive.log_softmax_rows,
    outputs=["log_probabilities"],
    gradients_of=["logits"],
    groups={"value": 1, "gradient": 1, "stability": 1},
    cases=[
        logits(2, 3, 1.0),
        logits(4, 4, 3.0),
        case(
            "logits from −1000 to 1000",
            lambda rng: {"logits": _HOT + rng.normal(size=_HOT.shape)},
            group="stability",
        ),
    ],
    write_yourself=["log_softmax", "logsumexp"],
    hints=[
        "log(softmax(ℓ)) = ℓ − log Σ exp ℓ. Subtracting the same number from a whole row changes nothing: "
        "which number makes exp safe?",
        "Shift each row by its own maximum (keepdim, so that [N, 1] meets [N, M]); "
        "then subtract the log of the sum of exponentials of the *shifted* row.",
        "shifted = logits - logits.max(dim=1, keepdim=True).values; "
        "then subtract from it the log of the row sums of its exponentials.",
    ],
    follow_up="Why is the largest term of the sum always exactly 1 after the shift, and why does that help log?",
)


@asked.misconception(
    "no shift by the maximum",
    says="It is right for small logits, but exp overflows (float32 above 88.7, float64 above 709).",
    asks="What is exp(1000) in floating point, and what can you subtract first without changing the result?",
)
def no_shift(logits: Tensor) -> Tensor:
    return logits - logits.exp().sum(dim=1, keepdim=True).log()


@asked.misconception(
    "no shift by the maximum, and a quotient of exponentials",
    says="It is right for small logits; for large ones it becomes ∞/∞, which is NaN.",
    asks="What can you subtract from a row before exp without changing the result?",
)
def naive_quotient(logits: Tensor) -> Tensor:
    return (logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()


@asked.misconception(
    "softmax first, then log",
    says="Probabilities below the smallest float become 0, and log 0 is −∞.",
    asks="Can the logarithm be taken on paper, before anything is exponentiated?",
)
def softmax_then_log(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=1).log()


@asked.misconception(
    "one shift for the whole matrix",
    says="The largest logit of all is subtracted everywhere, so a row far below it underflows to log 0.",
    asks="Which maximum belongs to a row?",
)
def global_shift(logits: Tensor) -> Tensor:
    shifted = logits - logits.max()
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


@asked.misconception(
    "normalised over the columns",
    says="The exponentials of each of your columns sum to 1, those of your rows do not.",
    asks="Which axis holds the alternatives that compete for one image?",
)
def over_columns(logits: Tensor) -> Tensor:
    return contrastive.log_softmax_rows(logits.T).T


@asked.misconception(
    "normalised over the whole matrix",
    says="The exponentials of all your entries together sum to 1.",
    asks="How many distributions are there in a matrix of N rows?",
)
def whole_matrix(logits: Tensor) -> Tensor:
    return torch.log_softmax(logits.flatten(), dim=0).reshape(logits.shape)


@asked.misconception(
    "probabilities instead of their logarithms",
    says="Your numbers are softmax probabilities.",
    asks="What sign does the logarithm of a probability have?",
)
def no_log(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=1)


@asked.also_correct("amax, in one expression")
def one_expression(logits: Tensor) -> Tensor:
    top = logits.amax(1, keepdim=True)
    return logits - top - torch.exp(logits - top).sum(1, keepdim=True).log()


@asked.also_correct("row by row")
def row_by_row(logits: Tensor) -> Tensor:
    return torch.stack([row - row.max() - torch.log(torch.exp(row - row.max()).sum()) for row in logits])
