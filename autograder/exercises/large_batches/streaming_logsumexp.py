"""The log-sum-exp of a row that is never whole."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.observers import FunctionObserver
from course_lib import contrastive

# Rows whose later chunks lie far above the first, far below it, and rows far apart from each other.
_HOT = np.array(
    [
        [0.0, 5.0, 1000.0, 990.0, 3.0],
        [800.0, 1.0, 2.0, 3.0, 799.0],
        [100.0, 101.0, 99.0, 102.0, 100.0],
        [-1000.0, -990.0, -995.0, -999.0, -992.0],
    ]
)


def _chunks(rows: int, columns: int, chunk_size: int) -> CaseSpec:
    return case(
        f"{rows} rows of {columns} logits, {chunk_size} at a time",
        lambda rng: {"logits": 2 * rng.normal(size=(rows, columns)), "chunk_size": chunk_size},
    )


asked = Exercise(
    "large_batches.streaming_logsumexp",
    title="A sum that keeps its balance",
    minutes=10,
    skills=["log-sum-exp", "numerical stability", "memory"],
    reference=contrastive.streaming_logsumexp,
    observer=FunctionObserver(outputs=("log-sum-exp",), room="room"),
    groups={"value": 1, "stability": 1, "memory": 1},
    cases=[
        _chunks(2, 5, 2),
        _chunks(4, 4, 2),
        _chunks(3, 4, 9),
        case(
            "logits from −1000 to 1000, 2 at a time",
            lambda rng: {"logits": _HOT + rng.normal(size=_HOT.shape), "chunk_size": 2},
            group="stability",
        ),
        case(
            "4 rows of 60 logits, 6 at a time",
            lambda rng: {"logits": rng.normal(size=(4, 60)), "chunk_size": 6, "room": 300},
            group="memory",
        ),
    ],
    write_yourself=["logsumexp", "logaddexp", "log_softmax"],
    hints=[
        "Carry two numbers per row: the largest logit so far, and the sum of exponentials relative to it. What has "
        "to happen to the old sum when a larger logit comes?",
        "Start with −inf and 0. Per chunk: the larger of the old maximum and the chunk's; rescale the old sum from "
        "the old to the new maximum; add the chunk's exponentials, shifted by the new one; remember the new maximum.",
        "for chunk in logits.split(chunk_size, dim=1): larger = torch.maximum(maximum, chunk.amax(dim=1)); the old "
        "total times exp(maximum − larger), plus the sum of exp(chunk − larger[:, None]). At the end add log(total).",
    ],
    follow_up="Two machines each hold half of a row. What do they have to send each other?",
)


@asked.misconception(
    "no running maximum",
    says="It is right for small logits; from 710 on (float32: 89) exp is infinite, and far below 0 all terms vanish.",
    asks="What can be subtracted before exp, and added again after log?",
)
def no_maximum(logits: Tensor, chunk_size: int) -> Tensor:
    return sum(chunk.exp().sum(dim=1) for chunk in logits.split(chunk_size, dim=1)).log()


def _stream(logits: Tensor, chunk_size: int, update: object) -> Tensor:
    maximum = logits.new_full((len(logits),), -torch.inf)
    total = torch.zeros_like(maximum)
    for chunk in logits.split(chunk_size, dim=1):
        larger = torch.maximum(maximum, chunk.amax(dim=1))
        total = update(total, maximum, larger, chunk)  # type: ignore[operator]
        maximum = larger
    return maximum + total.log()


@asked.misconception(
    "the old sum is not rescaled",
    says="You add sums that are relative to different maxima.",
    asks="The old sum was taken relative to the old maximum. What is it relative to the new one?",
)
def not_rescaled(logits: Tensor, chunk_size: int) -> Tensor:
    return _stream(
        logits, chunk_size, lambda total, old, new, chunk: total + (chunk - new[:, None]).exp().sum(dim=1)
    )


@asked.misconception(
    "every chunk relative to its own maximum",
    says="You add sums that are each relative to the maximum of their own chunk, and add back the last one.",
    asks="By how much do two sums differ in meaning if one is relative to 3 and the other to 5?",
)
def own_maxima(logits: Tensor, chunk_size: int) -> Tensor:
    chunks = logits.split(chunk_size, dim=1)
    sums = [(chunk - chunk.amax(dim=1, keepdim=True)).exp().sum(dim=1) for chunk in chunks]
    return chunks[-1].amax(dim=1) + torch.stack(sums).sum(dim=0).log()


@asked.misconception(
    "the new chunk is rescaled instead of the old sum",
    says="The chunk's exponentials are relative to the new maximum already; it is the old sum that is not.",
    asks="Which of the two terms was computed with the old maximum?",
)
def wrong_term(logits: Tensor, chunk_size: int) -> Tensor:
    def update(total: Tensor, old: Tensor, new: Tensor, chunk: Tensor) -> Tensor:
        factor = torch.where(old.isinf(), torch.ones_like(old), (old - new).exp())
        return total + factor * (chunk - new[:, None]).exp().sum(dim=1)

    return _stream(logits, chunk_size, update)


@asked.misconception(
    "rescaled the wrong way round",
    says="Your factor is exp(new − old), at least 1: the old sum grows where it should shrink.",
    asks="Relative to a larger maximum, are the old exponentials larger or smaller?",
)
def inverted(logits: Tensor, chunk_size: int) -> Tensor:
    def update(total: Tensor, old: Tensor, new: Tensor, chunk: Tensor) -> Tensor:
        factor = torch.where(old.isinf(), torch.ones_like(old), (new - old).exp())
        return total * factor + (chunk - new[:, None]).exp().sum(dim=1)

    return _stream(logits, chunk_size, update)


@asked.misconception(
    "the maximum starts at 0",
    says="It is right until a whole row lies far below 0: then every exponential is 0, and its logarithm −∞.",
    asks="What is the maximum of no numbers at all?",
)
def starts_at_zero(logits: Tensor, chunk_size: int) -> Tensor:
    maximum = logits.amax(dim=1).clamp_min(0)
    return maximum + (logits - maximum[:, None]).exp().sum(dim=1).log()


@asked.misconception(
    "one maximum for all rows",
    says="It is right while the rows are alike; a row far below the largest one loses all its terms.",
    asks="How many maxima does a matrix of N rows need?",
)
def one_maximum(logits: Tensor, chunk_size: int) -> Tensor:
    maximum = logits.max()
    return maximum + (logits - maximum).exp().sum(dim=1).log()


@asked.misconception(
    "the log-sum-exps of the chunks are added",
    says="You add logarithms, which multiplies the sums.",
    asks="log(a + b) is not log a + log b. What is it, in terms of log a and log b?",
)
def added(logits: Tensor, chunk_size: int) -> Tensor:
    return torch.stack([chunk.logsumexp(dim=1) for chunk in logits.split(chunk_size, dim=1)]).sum(dim=0)


@asked.misconception(
    "the largest chunk wins",
    says="You keep the largest log-sum-exp of a chunk and lose the others' share.",
    asks="Two chunks with log-sum-exp 1 each: what is the log-sum-exp of both?",
)
def largest(logits: Tensor, chunk_size: int) -> Tensor:
    return torch.stack([chunk.logsumexp(dim=1) for chunk in logits.split(chunk_size, dim=1)]).amax(dim=0)


@asked.misconception(
    "the last, shorter chunk is dropped",
    says="You use only as many columns as fill whole chunks.",
    asks="Where does your loop stop when chunk_size does not divide the row?",
)
def last_dropped(logits: Tensor, chunk_size: int) -> Tensor:
    columns = logits.shape[1]
    return logits[:, : columns // chunk_size * chunk_size or columns].logsumexp(dim=1)


@asked.misconception(
    "the maximum is not added back",
    says="Your result is the logarithm of the shifted sum, between 0 and the log of the number of columns.",
    asks="log Σ exp(ℓ − m) is not yet log Σ exp ℓ. What is missing?",
)
def not_added_back(logits: Tensor, chunk_size: int) -> Tensor:
    return logits.logsumexp(dim=1) - logits.amax(dim=1)


@asked.misconception(
    "columns instead of rows",
    says="You sum down the columns.",
    asks="Along which axis does the row of one image run?",
)
def columns(logits: Tensor, chunk_size: int) -> Tensor:
    return logits.logsumexp(dim=0)


@asked.misconception(
    "the whole row at once",
    says="Your numbers are right, but you take the exponentials of all columns before you sum any of them.",
    asks="Where does your code use chunk_size?",
)
def whole_row(logits: Tensor, chunk_size: int) -> Tensor:
    maximum = logits.amax(dim=1, keepdim=True)
    return (maximum + (logits - maximum).exp().sum(dim=1, keepdim=True).log())[:, 0]


@asked.also_correct("log-sum-exps merged by log1p")
def merged(logits: Tensor, chunk_size: int) -> Tensor:
    so_far = None
    for start in range(0, logits.shape[1], chunk_size):
        chunk = logits[:, start : start + chunk_size]
        top = chunk.max(dim=1).values
        here = top + (chunk - top.unsqueeze(1)).exp().sum(1).log()
        if so_far is None:
            so_far = here
        else:
            high, low = torch.maximum(so_far, here), torch.minimum(so_far, here)
            so_far = high + torch.log1p(torch.exp(low - high))
    return so_far  # type: ignore[return-value]


@asked.also_correct("all maxima and sums, weighed at the end")
def at_the_end(logits: Tensor, chunk_size: int) -> Tensor:
    tops, sums = [], []
    for chunk in torch.split(logits, chunk_size, 1):
        tops.append(chunk.amax(1))
        sums.append((chunk - tops[-1][:, None]).exp().sum(1))
    every_top = torch.stack(tops)
    top = every_top.amax(0)
    return top + ((every_top - top).exp() * torch.stack(sums)).sum(0).log()


@asked.also_correct("row by row, in place")
def in_place(logits: Tensor, chunk_size: int) -> Tensor:
    results = torch.empty(len(logits), dtype=logits.dtype)
    for row in range(len(logits)):
        top, total = float("-inf"), torch.zeros((), dtype=logits.dtype)
        for start in range(0, logits.shape[1], chunk_size):
            chunk = logits[row, start : start + chunk_size]
            new = max(top, chunk.max().item())
            total = total * torch.tensor(top - new, dtype=logits.dtype).exp() + (chunk - new).exp().sum()
            top = new
        results[row] = top + total.log()
    return results
