"""The measurements of lesson 04. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.large_batches.bugs import recall_with_three_bugs
from course_lib.experiments.large_batches.caching import (
    Activations,
    BatchNorm,
    Dropout,
    activations,
    batch_norm,
    dropout,
    without_replay,
)
from course_lib.experiments.large_batches.counting import Counted, peak_bytes
from course_lib.experiments.large_batches.exchange import LossMemory, RankMemory, loss_memory, rank_memory
from course_lib.experiments.large_batches.real_processes import (
    Processes,
    gathered_without_gradients,
    processes,
)
from course_lib.experiments.large_batches.tiles import BigBatch, Memory, Times, big_batch, memory, times

__all__ = [
    "Activations",
    "BatchNorm",
    "BigBatch",
    "Counted",
    "Dropout",
    "LossMemory",
    "Memory",
    "Processes",
    "RankMemory",
    "Times",
    "activations",
    "batch_norm",
    "big_batch",
    "dropout",
    "gathered_without_gradients",
    "loss_memory",
    "memory",
    "peak_bytes",
    "processes",
    "rank_memory",
    "recall_with_three_bugs",
    "times",
    "without_replay",
]
