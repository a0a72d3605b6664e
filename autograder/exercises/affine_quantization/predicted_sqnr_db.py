"""What rounding noise of s²/12 costs, bit by bit."""

import math

import torch

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _at(bits: int, low: float, high: float) -> CaseSpec:
    return case(
        f"{bits} bits and a crest of {low:g} to {high:g}",
        lambda rng: {"bits": bits, "crest": float(rng.uniform(low, high))},
    )


asked = Exercise(
    "affine_quantization.predicted_sqnr_db",
    title="How much noise to expect",
    minutes=8,
    skills=["decibels", "derivation"],
    reference=quantization.predicted_sqnr_db,
    outputs=["sqnr"],
    groups={"value": 2},
    cases=[_at(8, 3, 5), _at(4, 2, 4), _at(3, 20, 50)],
    hints=[
        "Signal power rms², noise power s²/12. Write s with max|x|, and max|x| with the rms.",
        "s = crest·rms / (2^{b−1} − 1), so the ratio of the powers is 12·(2^{b−1} − 1)²/crest²: the rms cancels.",
        "Ten times math.log10 of that ratio, with levels = 2 ** (bits - 1) - 1.",
    ],
    follow_up="What does one bit more bring, in dB? And an outlier that doubles the crest?",
)


def _db(noise_parts: float, levels: float, crest: float) -> float:
    return 10 * math.log10(noise_parts * levels**2 / crest**2)


@asked.misconception(
    "the largest error instead of the mean square",
    says="You take (s/2)², the worst case, for the noise power. It is three times the mean.",
    asks="What is the mean of e² for e evenly spread over ±s/2?",
)
def worst_case(bits: int, crest: float) -> float:
    return _db(4, 2 ** (bits - 1) - 1, crest)


@asked.misconception(
    "errors up to a whole step",
    says="Your noise power is s²/3, that of errors between −s and s.",
    asks="How far is a value from the nearest of two neighbours that are s apart, at most?",
)
def whole_step(bits: int, crest: float) -> float:
    return _db(3, 2 ** (bits - 1) - 1, crest)


@asked.misconception(
    "the textbook formula for 2ᵇ steps",
    says="You count 2ᵇ steps from −max to max; a symmetric grid has 2ᵇ − 2. The difference is large for few bits.",
    asks="By which number is max|x| divided to give s?",
)
def textbook(bits: int, crest: float) -> float:
    return _db(12, 2 ** (bits - 1), crest)


@asked.misconception(
    "the formula for a sine wave",
    says="6.02·b + 1.76 holds for a sine at full scale, whose crest is √2, on 2ᵇ steps.",
    asks="Where does the crest enter?",
)
def sine_wave(bits: int, crest: float) -> float:
    return 6.02 * bits + 1.76


@asked.misconception(
    "all steps lie on one side of 0",
    says="You divide max|x| by the 2ᵇ − 2 steps of the whole range, which is twice as wide.",
    asks="How wide is the range from −max|x| to max|x|?",
)
def half_the_width(bits: int, crest: float) -> float:
    return _db(12, 2**bits - 2, crest)


@asked.misconception(
    "the levels are not squared",
    says="You multiply by 2^{b−1} − 1 once, but it stands in s, and s is squared.",
    asks="What does halving s do to s², and how many dB is that?",
)
def levels_once(bits: int, crest: float) -> float:
    return _db(12, math.sqrt(2 ** (bits - 1) - 1), crest)


@asked.misconception(
    "the noise without its twelfth",
    says="You take s² for the noise power, as if every error were a whole step.",
    asks="How often is an error as large as s?",
)
def no_twelfth(bits: int, crest: float) -> float:
    return _db(1, 2 ** (bits - 1) - 1, crest)


@asked.misconception(
    "one sign gets all the codes",
    says="Your s is max|x| / (2ᵇ − 1), as if there were no negative values.",
    asks="How many codes lie above 0, if b bits serve both signs?",
)
def unsigned(bits: int, crest: float) -> float:
    return _db(12, 2**bits - 1, crest)


@asked.misconception(
    "20 times the logarithm",
    says="Your number is twice too large: the ratio is one of powers already.",
    asks="What is being divided by s²/12: an rms or its square?",
)
def twenty(bits: int, crest: float) -> float:
    return 2 * _db(12, 2 ** (bits - 1) - 1, crest)


@asked.misconception(
    "the crest is not squared",
    says="You divide by the crest once, but it stands in s, and s is squared.",
    asks="What does doubling the crest do to s², and how many dB is that?",
)
def crest_once(bits: int, crest: float) -> float:
    return _db(12, 2 ** (bits - 1) - 1, math.sqrt(crest))


@asked.misconception(
    "a large crest helps",
    says="You multiply by the crest, so that outliers would reduce the noise.",
    asks="Does a far outlier make the step wider or narrower?",
)
def crest_upside_down(bits: int, crest: float) -> float:
    return _db(12, 2 ** (bits - 1) - 1, 1 / crest)


@asked.misconception(
    "the crest is forgotten",
    says="Your number does not depend on the crest: it takes max|x| for the rms.",
    asks="Which power has the signal, if its largest value is max|x|?",
)
def no_crest(bits: int, crest: float) -> float:
    return _db(12, 2 ** (bits - 1) - 1, 1)


@asked.also_correct("a sum of decibels")
def sum_of_decibels(bits: int, crest: float) -> float:
    return 10 * math.log10(12) + 20 * math.log10(2 ** (bits - 1) - 1) - 20 * math.log10(crest)


@asked.also_correct("step by step, in torch")
def step_by_step(bits: int, crest: float) -> torch.Tensor:
    largest = torch.tensor(crest, dtype=torch.float64)  # in units of the rms
    step = largest / (2 ** (bits - 1) - 1)
    return -10 * torch.log10(step**2 / 12)
