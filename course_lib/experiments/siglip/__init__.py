"""The measurements of lesson 03. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.siglip.batches import (
    Chunks,
    PairInBatches,
    SigmoidMicroBatches,
    chunks,
    pair_in_batches,
    sigmoid_micro_batches,
)
from course_lib.experiments.siglip.bias import BestBias, Shift, Untrained, best_bias, shift, untrained
from course_lib.experiments.siglip.bugs import loss_with_three_bugs
from course_lib.experiments.siglip.decisions import (
    ListLength,
    NoMatch,
    Offered,
    list_length,
    no_match,
    offered_instead,
)
from course_lib.experiments.siglip.negatives import Copies, copies
from course_lib.experiments.siglip.printed import (
    BiasAlone,
    PrintedBias,
    bias_alone,
    loss_as_printed,
    printed_bias,
)
from course_lib.experiments.siglip.training import BiasTraining, TwoLosses, bias_training, two_losses

__all__ = [
    "BestBias",
    "BiasAlone",
    "BiasTraining",
    "Chunks",
    "Copies",
    "ListLength",
    "NoMatch",
    "Offered",
    "PairInBatches",
    "PrintedBias",
    "Shift",
    "SigmoidMicroBatches",
    "TwoLosses",
    "Untrained",
    "best_bias",
    "bias_alone",
    "bias_training",
    "chunks",
    "copies",
    "list_length",
    "loss_as_printed",
    "loss_with_three_bugs",
    "no_match",
    "offered_instead",
    "pair_in_batches",
    "printed_bias",
    "shift",
    "sigmoid_micro_batches",
    "two_losses",
    "untrained",
]
