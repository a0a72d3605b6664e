"""Calibration: how large every input channel gets."""

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def channel_absmax(batches: Tensor) -> Tensor:
    """The largest magnitude of every channel, over all batches and tokens."""
    return quantization.act_absmax(list(batches))


def _batches(number: int, tokens: int, channels: int, where: str) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = rng.normal(size=(number, tokens, channels))
        x[0, 0] = -rng.uniform(3, 5, size=channels)  # the largest are negative, and not in the last batch
        x[1, 1, ::2] = rng.uniform(6, 8, size=len(x[1, 1, ::2]))
        x[..., 1] = -abs(x[..., 1])  # a channel that is never positive
        return {"batches": x}

    return case(f"{number} batches of {tokens} tokens with {channels} channels{where}", make)


asked = Exercise(
    "smoothquant.channel_absmax",
    title="How large each channel gets",
    minutes=6,
    skills=["calibration"],
    reference=channel_absmax,
    outputs=["maximum of each channel"],
    groups={"value": 1},
    cases=[_batches(2, 2, 3, ""), _batches(3, 4, 4, ""), _batches(4, 3, 2, " again")],
    write_yourself=["course_lib.quantization.smoothquant:act_absmax"],
    hints=[
        "One number for each channel: what may it depend on? All tokens of all batches, and no other channel.",
        "Take magnitudes first. Two axes have to go, that of the batches and that of the tokens; the last stays.",
        "batches.abs(), and then amax over the axes 0 and 1 together, dim=(0, 1).",
    ],
    follow_up="Half a year later, a token doubles one of these maxima. What happens to it in a static int8 layer?",
)


@asked.misconception(
    "a maximum for each token",
    says="You reduce the channels, and keep a number for each token.",
    asks="Which axis do the columns of the weight belong to, and so the scales s_j?",
)
def per_token(batches: Tensor) -> Tensor:
    return batches.abs().amax(dim=2)


@asked.misconception(
    "a maximum for each place in the sequence",
    says="You reduce batches and channels; what is left is a number for each position.",
    asks="Which of the three axes must be left over at the end?",
)
def per_position(batches: Tensor) -> Tensor:
    return batches.abs().amax(dim=(0, 2))


@asked.misconception(
    "the last batch only",
    says="Your maxima are those of the last batch: each batch has overwritten what the one before found.",
    asks="What has to be compared with the new batch's maximum?",
)
def last_batch(batches: Tensor) -> Tensor:
    return batches[-1].abs().amax(dim=0)


@asked.misconception(
    "the first batch only",
    says="Your maxima are those of the first batch.",
    asks="What if a channel is loud only in the second?",
)
def first_batch(batches: Tensor) -> Tensor:
    return batches[0].abs().amax(dim=0)


@asked.misconception(
    "the mean magnitude",
    says="You average magnitudes (as AWQ does), where SmoothQuant takes the largest.",
    asks="What does a static grid have to cover, the ordinary value or the largest one?",
)
def mean(batches: Tensor) -> Tensor:
    return batches.abs().mean(dim=(0, 1))


@asked.misconception(
    "the mean of the batches' maxima",
    says="You average the batches' maxima: what is large in one batch only is understated.",
    asks="How large is the largest value that the grid must cover?",
)
def mean_of_maxima(batches: Tensor) -> Tensor:
    return batches.abs().amax(dim=1).mean(dim=0)


@asked.misconception(
    "the signed maximum",
    says="You take the largest value, not the largest magnitude.",
    asks="What becomes of a channel whose outlier is −40?",
)
def signed(batches: Tensor) -> Tensor:
    return batches.amax(dim=(0, 1))


@asked.misconception(
    "the magnitude of the signed maximum",
    says="You take the largest value and then its magnitude: in the wrong order.",
    asks="What do you get for a channel with −40 and 3?",
)
def abs_too_late(batches: Tensor) -> Tensor:
    return batches.amax(dim=(0, 1)).abs()


@asked.misconception(
    "one maximum for all",
    says="You return the largest magnitude of the whole tensor: that sets a static scale, not the s_j.",
    asks="How many numbers does SmoothQuant need for a layer with K input channels?",
)
def one_number(batches: Tensor) -> Tensor:
    return batches.abs().max()


@asked.also_correct("batch by batch")
def running(batches: Tensor) -> Tensor:
    most = torch.zeros(batches.shape[-1], dtype=batches.dtype)
    for batch in batches:
        for token in batch:
            most = torch.maximum(most, token.abs())
    return most


@asked.also_correct("from both ends of the range")
def both_ends(batches: Tensor) -> Tensor:
    rows = batches.flatten(0, 1)
    return torch.maximum(rows.max(dim=0).values, -rows.min(dim=0).values)
