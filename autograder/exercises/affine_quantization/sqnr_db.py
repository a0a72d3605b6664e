"""Signal to quantization noise, in decibels."""

import math

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _noisy(shape: tuple[int, ...], noise: float, name: str) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = rng.normal(size=shape) + 0.5
        return {"x": x, "x_hat": x + noise * rng.uniform(-1, 1, size=shape)}

    return case(name, make)


asked = Exercise(
    "affine_quantization.sqnr_db",
    title="Signal and noise",
    minutes=6,
    skills=["decibels", "evaluation"],
    reference=quantization.sqnr_db,
    outputs=["sqnr"],
    groups={"value": 1},
    cases=[
        _noisy((4,), 0.3, "4 values"),
        _noisy((3, 5), 0.05, "3×5 values"),
        _noisy((6,), 4.0, "6 values in much noise"),
    ],
    hints=[
        "Power is the sum of squares. The ratio of two powers, as a logarithm to base 10, times ten.",
        "signal = (x**2).sum(); the noise is the same of x − x_hat.",
        "Ten times torch.log10 of signal / noise.",
    ],
    follow_up="By how many decibels does the ratio change if the step is halved? And what is that per bit?",
)


def _powers(x: Tensor, x_hat: Tensor) -> tuple[Tensor, Tensor]:
    return (x**2).sum(), ((x - x_hat) ** 2).sum()


@asked.misconception(
    "20 times the logarithm",
    says="Your number is twice too large: 20 is for ratios of amplitudes, and these are powers.",
    asks="Are the squares already in the ratio?",
)
def twenty(x: Tensor, x_hat: Tensor) -> Tensor:
    signal, noise = _powers(x, x_hat)
    return 20 * torch.log10(signal / noise)


@asked.misconception(
    "upside down",
    says="You divide the noise by the signal, so that a better grid gets a lower number.",
    asks="Should a perfect reconstruction have +∞ or −∞ dB?",
)
def inverted(x: Tensor, x_hat: Tensor) -> Tensor:
    signal, noise = _powers(x, x_hat)
    return 10 * torch.log10(noise / signal)


@asked.misconception(
    "the natural logarithm",
    says="Your number is 2.3 times too large.",
    asks="To which base is a decibel?",
)
def natural(x: Tensor, x_hat: Tensor) -> Tensor:
    signal, noise = _powers(x, x_hat)
    return 10 * torch.log(signal / noise)


@asked.misconception(
    "bels instead of decibels",
    says="Your number is ten times too small.",
    asks="How many decibels are a factor of ten in power?",
)
def bels(x: Tensor, x_hat: Tensor) -> Tensor:
    signal, noise = _powers(x, x_hat)
    return torch.log10(signal / noise)


@asked.misconception(
    "the bare ratio",
    says="You return signal over noise, not its logarithm.",
    asks="What is a ratio of 100, in decibels?",
)
def bare_ratio(x: Tensor, x_hat: Tensor) -> Tensor:
    signal, noise = _powers(x, x_hat)
    return signal / noise


@asked.misconception(
    "amplitudes with the factor for powers",
    says="You take 10 log of a ratio of norms, not of their squares: half of what it should be.",
    asks="What is the ratio of the powers, if that of the norms is 10?",
)
def norms(x: Tensor, x_hat: Tensor) -> Tensor:
    return 10 * torch.log10(x.norm() / (x - x_hat).norm())


@asked.misconception(
    "the mean is subtracted from the signal",
    says="You use variances: a signal far from zero then seems to have little power.",
    asks="Is the power of a constant zero?",
)
def variances(x: Tensor, x_hat: Tensor) -> Tensor:
    return 10 * torch.log10(x.var() / (x - x_hat).var())


@asked.misconception(
    "the peak instead of the mean power",
    says="You compare the largest square with the mean noise. That is the peak ratio, PSNR.",
    asks="Over which values does the signal's power run?",
)
def peak(x: Tensor, x_hat: Tensor) -> Tensor:
    return 10 * torch.log10((x**2).max() / ((x - x_hat) ** 2).mean())


@asked.misconception(
    "the signal is that of the reconstruction",
    says="You take the power of x_hat, noise included, for the signal.",
    asks="Which of the two is the truth?",
)
def of_x_hat(x: Tensor, x_hat: Tensor) -> Tensor:
    return 10 * torch.log10((x_hat**2).sum() / ((x - x_hat) ** 2).sum())


@asked.misconception(
    "the mean of the decibels of each value",
    says="You take a ratio for each value and average their logarithms.",
    asks="What does a value near zero, with ordinary noise, do to your mean?",
)
def mean_of_ratios(x: Tensor, x_hat: Tensor) -> Tensor:
    return (10 * torch.log10(x**2 / (x - x_hat) ** 2)).mean()


@asked.also_correct("means instead of sums, and a difference of logarithms")
def with_means(x: Tensor, x_hat: Tensor) -> Tensor:
    return 10 * (x.square().mean().log10() - (x_hat - x).square().mean().log10())


@asked.also_correct("20 times the logarithm of a ratio of norms, as a plain number")
def with_norms(x: Tensor, x_hat: Tensor) -> float:
    return 20 * math.log10(float(torch.linalg.vector_norm(x) / torch.linalg.vector_norm(x - x_hat)))
