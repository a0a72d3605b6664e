"""A channel that is always large, or a token that is huge once?"""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Two = tuple[Tensor, Tensor]


def find_outliers(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    """Masks of persistent channels and massive tokens, from the places that `outlier_kind` finds."""
    found = quantization.outlier_kind(x, channel_ratio, token_ratio, rare=1.0)
    channels = torch.zeros(x.shape[1], dtype=torch.bool)
    tokens = torch.zeros(x.shape[0], dtype=torch.bool)
    channels[found.channels], tokens[found.tokens] = True, True
    return channels, tokens


def _activations(
    tokens: int, channels: int, name: str, *, loud: bool = False, massive: bool = False
) -> CaseSpec:
    """Sizes from 0.7 to 1.4, so that thresholds of 20 and 1000 medians leave no doubt."""

    def make(rng: Generator) -> dict[str, object]:
        x = rng.uniform(0.7, 1.4, size=(tokens, channels)) * rng.choice([-1, 1], size=(tokens, channels))
        if loud:
            x[:, 1] = -abs(x[:, 1]) * 100
        if massive:
            x[0, 2] = -5000
            x[1, [0, 2, 3] if loud else [0]] = 5000
            # 15 times its own channel, which is loud: large, but nothing new there.
            x[2, 1] *= 15 if loud else 1
        if not (loud or massive):
            x[0, 0] = 60  # a heavy tail: once, and not massive
            x[1:, 3] *= 1e-5  # a channel that sleeps: its waking token is an ordinary one
        return {"x": x, "channel_ratio": 20.0, "token_ratio": 1000.0}

    return case(name, make, group="both at once" if loud and massive else None)


asked = Exercise(
    "smoothquant.find_outliers",
    title="A channel or a token?",
    minutes=12,
    skills=["activation outliers", "robust statistics"],
    reference=find_outliers,
    outputs=["mask of channels", "mask of tokens"],
    groups={"value": 2, "both at once": 1},
    cases=[
        _activations(5, 3, "a massive token among 5 tokens", massive=True),
        _activations(5, 5, "a persistent channel among 5 channels", loud=True),
        _activations(7, 5, "7×5 values without outliers"),
        _activations(7, 5, "a persistent channel and a massive token", loud=True, massive=True),
    ],
    write_yourself=["course_lib.quantization.outliers:_outlier_kind"],
    exact=True,
    hints=[
        "The maximum of a channel cannot tell the two apart. Which number of a channel does one huge token not move?",
        "typical: the median of all |x|. m: the median of each channel over its tokens. A token is compared with its "
        "own channel, but with no less than typical.",
        "size = x.abs(); m = size.median(dim=0).values; channels: m >= channel_ratio * typical; tokens: any over "
        "dim 1 of size >= token_ratio * m.clamp_min(typical).",
    ],
    follow_up="Which of the two can SmoothQuant move into the weights, and why not the other?",
)


@asked.misconception(
    "a channel is judged by its maximum",
    says="One huge token makes its channel look like a persistent one.",
    asks="In how many of the tokens is that channel large?",
)
def maximum(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    typical = size.median()
    massive = size >= token_ratio * size.median(dim=0).values.clamp_min(typical)
    return size.amax(dim=0) >= channel_ratio * typical, massive.any(dim=1)


@asked.misconception(
    "a channel is judged by its mean",
    says="A mean over tokens is moved by one huge token, just as the maximum is.",
    asks="What does a value of 5000 do to the mean of seven values, and what to their median?",
)
def mean(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    typical = size.median()
    massive = size >= token_ratio * size.median(dim=0).values.clamp_min(typical)
    return size.mean(dim=0) >= channel_ratio * typical, massive.any(dim=1)


@asked.misconception(
    "a token is not compared with its own channel",
    says="Where a channel is loud for every token, you call every token massive.",
    asks="Does a token stand out, if all tokens are as large as it in that channel?",
)
def own_channel_ignored(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    typical = size.median()
    channels = size.median(dim=0).values >= channel_ratio * typical
    return channels, (size >= token_ratio * typical).any(dim=1)


@asked.misconception(
    "a token is compared with its own channel only",
    says="In a channel that is all but silent, an ordinary value passes for a massive one.",
    asks="Does a value of ordinary size harm the grid of the others?",
)
def no_floor(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    medians = size.median(dim=0).values
    return medians >= channel_ratio * size.median(), (size >= token_ratio * medians).any(dim=1)


@asked.misconception(
    "a token is judged by its median",
    says="A massive token is huge in a few channels only, so that its median over channels is ordinary.",
    asks="In how many channels must a token stand out?",
)
def median_of_token(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    typical = size.median()
    channels = size.median(dim=0).values >= channel_ratio * typical
    return channels, size.median(dim=1).values >= token_ratio * typical


@asked.misconception(
    "the signs are kept",
    says="You compare x, not |x|: outliers that are negative go unseen.",
    asks="Is −5000 large or small, for a grid?",
)
def signed(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    typical = x.abs().median()
    medians = x.median(dim=0).values
    return medians >= channel_ratio * typical, (x >= token_ratio * medians.clamp_min(typical)).any(dim=1)


@asked.misconception(
    "the two results are exchanged",
    says="Your first result has a number for each token, your second one for each channel.",
    asks="Which axis of x [tokens, channels] does each mask describe?",
)
def exchanged(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    channels, tokens = find_outliers(x, channel_ratio, token_ratio)
    return tokens, channels


@asked.misconception(
    "places instead of masks",
    says="You return where the outliers are, not a True or False for each channel and token.",
    asks="How many entries should your results have?",
)
def places(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    found = quantization.outlier_kind(x, channel_ratio, token_ratio, rare=1.0)
    return found.channels, found.tokens


@asked.misconception(
    "all or nothing",
    says="You ask that a token stand out in all channels.",
    asks="Is it all or any?",
)
def in_all_channels(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    typical = size.median()
    medians = size.median(dim=0).values
    return medians >= channel_ratio * typical, (size >= token_ratio * medians.clamp_min(typical)).all(dim=1)


@asked.also_correct("token by token")
def token_by_token(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = np.abs(x.numpy())
    typical, medians = float(np.median(size)), np.median(size, axis=0)
    tokens = [bool(np.any(row / np.maximum(medians, typical) >= token_ratio)) for row in size]
    return torch.from_numpy(medians / typical >= channel_ratio), torch.tensor(tokens)


@asked.also_correct("by quantiles, as integers")
def by_quantile(x: Tensor, channel_ratio: float, token_ratio: float) -> Two:
    size = x.abs()
    typical = torch.quantile(size, 0.5)
    of_channel = torch.quantile(size, 0.5, dim=0)
    floor = torch.maximum(of_channel, typical)
    return of_channel.ge(channel_ratio * typical), (size / floor).amax(dim=1).ge(token_ratio)
