"""Does a confidence of 70 % mean right 70 times in a hundred?"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Error = Callable[[Tensor, Tensor, int], Tensor]


def _samples(count: int, bins: int) -> CaseSpec:
    """Confidences well inside their bins, so that conventions about the edges do not matter; some bins empty."""

    def make(rng: Generator) -> dict[str, object]:
        places = rng.choice(bins, size=count, p=rng.dirichlet(np.ones(bins)))
        confidence = (places + rng.uniform(0.1, 0.9, size=count)) / bins
        return {"confidence": confidence, "correct": rng.random(count) < confidence**2, "bins": bins}

    return case(f"{count} answers in {bins} bins", make)


def _edges(rng: Generator) -> dict[str, object]:
    confidence = np.concatenate([[1.0, 1.0, 1.0, 0.0], rng.uniform(0.26, 0.49, size=3)])
    return {
        "confidence": confidence,
        "correct": np.array([True, False, False, True, True, False, True]),
        "bins": 4,
    }


asked = Exercise(
    "temperature.expected_calibration_error",
    title="Are they probabilities?",
    minutes=12,
    skills=["calibration", "evaluation"],
    reference=contrastive.expected_calibration_error,
    outputs=["calibration error"],
    groups={"value": 2, "edges": 1},
    cases=[
        _samples(6, 3),
        _samples(40, 5),
        _samples(25, 10),
        case("7 answers in 4 bins, three of them with confidence 1", _edges, group="edges"),
    ],
    stretch=True,
    hints=[
        "Within one bin: the mean confidence, the fraction that is right, and the gap between the two.",
        "Bin b holds b/bins < confidence ≤ (b+1)/bins; weigh each gap's magnitude by the bin's share of all "
        "samples; skip empty bins; 1.0 belongs to the last bin, 0.0 to the first.",
        "place = (confidence * bins).ceil().clamp(min=1) − 1; for each bin that has members add "
        "abs(correct.mean() − confidence.mean()) * members / total.",
    ],
    follow_up="A model that always answers “0.005” on 191 captions is perfectly calibrated. Is it any good?",
)


def _bins(confidence: Tensor, bins: int) -> Tensor:
    return ((confidence * bins).ceil() - 1).clamp(min=0).long()


def _gaps(confidence: Tensor, correct: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Signed gap and share of each bin that has members."""
    place, right = _bins(confidence, bins), correct.to(confidence.dtype)
    members = [place == b for b in range(bins) if (place == b).any()]
    gaps = torch.stack([right[m].mean() - confidence[m].mean() for m in members])
    return gaps, torch.stack([m.to(confidence.dtype).mean() for m in members])


@asked.misconception(
    "every bin weighs the same",
    says="You average over bins; a bin with one sample counts as much as one with a hundred.",
    asks="By what is the gap of a bin multiplied?",
)
def unweighted(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    return _gaps(confidence, correct, bins)[0].abs().mean()


@asked.misconception(
    "empty bins give NaN",
    says="The mean of no samples is 0/0, and it spreads to the sum.",
    asks="What is the accuracy of a bin without answers?",
)
def empty_bins(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    place, right = _bins(confidence, bins), correct.to(confidence.dtype)
    terms = []
    for b in range(bins):
        inside = place == b
        gap = right[inside].mean() - confidence[inside].mean()
        terms.append(gap.abs() * inside.to(confidence.dtype).mean())
    return torch.stack(terms).sum()


@asked.misconception(
    "gaps of opposite sign cancel",
    says="You sum signed gaps, so an overconfident bin makes up for an underconfident one.",
    asks="Is a model that is wrong in both directions calibrated?",
)
def signed(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    return (correct.to(confidence.dtype) - confidence).mean().abs()


@asked.misconception(
    "the gap of each sample",
    says="You average |correct − confidence| over samples: 0.3 for a calibrated coin of 0.7 that comes up right.",
    asks="Of what is the magnitude taken: of a sample's difference, or of a bin's?",
)
def per_sample(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    return (correct.to(confidence.dtype) - confidence).abs().mean()


@asked.misconception(
    "squared gaps",
    says="You take the root of the mean squared gap, which gives large gaps more say.",
    asks="Is the expected calibration error a mean of magnitudes or of squares?",
)
def squared(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    gaps, shares = _gaps(confidence, correct, bins)
    return (gaps.square() * shares).sum().sqrt()


@asked.misconception(
    "the largest gap",
    says="You return the maximum over bins: that is called the maximum calibration error.",
    asks="Expected over what?",
)
def largest(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    return _gaps(confidence, correct, bins)[0].abs().max()


@asked.misconception(
    "the middle of the bin for its mean confidence",
    says="You compare the accuracy with the centre of the bin.",
    asks="What did the model say on average in this bin?",
)
def centres(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    return contrastive.expected_calibration_error((_bins(confidence, bins) + 0.5) / bins, correct, bins)


@asked.misconception(
    "confidence 1 falls out of the last bin",
    says="Samples with confidence exactly 1 are in none of your bins.",
    asks="In which bin is floor(1.0 · bins)?",
)
def top_falls_out(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    inside = confidence < 1
    error = contrastive.expected_calibration_error(confidence[inside], correct[inside], bins)
    return error * inside.to(confidence.dtype).mean()


@asked.misconception(
    "confidence 0 falls out of the first bin",
    says="Samples with confidence exactly 0 are in none of your bins.",
    asks="In which bin is a confidence of 0, if every bin is open on its left?",
)
def bottom_falls_out(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    inside = confidence > 0
    error = contrastive.expected_calibration_error(confidence[inside], correct[inside], bins)
    return error * inside.to(confidence.dtype).mean()


@asked.also_correct("a loop over the bins that have members")
def by_loop(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    gaps, shares = _gaps(confidence, correct, bins)
    return (gaps.abs() * shares).sum()


@asked.also_correct("bucketize and bincount")
def by_bincount(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    edges = torch.arange(1, bins, dtype=confidence.dtype) / bins
    place = torch.bucketize(confidence, edges)
    excess = correct.to(confidence.dtype) - confidence
    return torch.bincount(place, weights=excess, minlength=bins).abs().sum() / confidence.numel()
