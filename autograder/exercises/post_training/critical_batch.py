"""From which batch on the arithmetic takes longer than the reading."""

from typing import Any

from numpy.random import Generator

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _machine(name: str, bits: float, bandwidth: float, rate: float) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        return {
            "bits_per_weight": bits,
            "bandwidth": bandwidth * rng.uniform(0.9, 1.1),
            "rate": rate * rng.uniform(0.9, 1.1),
        }

    return case(name, make)


asked = Exercise(
    "post_training.critical_batch",
    title="Where arithmetic takes over",
    minutes=7,
    skills=["roofline", "memory bandwidth"],
    reference=quantization.critical_batch,
    outputs=["batch"],
    groups={"value": 2},
    cases=[
        _machine("float32 on a laptop", 32.0, 20e9, 100e9),
        _machine("16 bits on a large graphics card", 16.0, 2e12, 900e12),
        _machine("4.5 bits on a laptop", 4.5, 20e9, 100e9),
    ],
    hints=[
        "One step of a batch reads every weight once, and multiplies it once for each sequence. Write down both times.",
        "For P weights: reading takes P times the bytes of a weight over the bandwidth; arithmetic takes 2 P times the "
        "batch over the rate (a product and a sum). Set them equal: P cancels.",
        "The bytes of a weight are bits_per_weight / 8. Solve bytes / bandwidth = 2 * batch / rate for batch.",
    ],
    follow_up="Fewer bits move this batch down. What does that say about quantizing weights on a busy server?",
)


@asked.misconception(
    "one operation for each weight",
    says="Your batch is twice as large: each weight costs a product and a sum.",
    asks="How many operations does a dot product of 1,000 numbers take?",
)
def one_operation(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return rate * bits_per_weight / 8 / bandwidth


@asked.misconception(
    "bits instead of bytes",
    says="Your batch is eight times too large: bandwidth is in bytes.",
    asks="How many bytes does a weight of 16 bits take?",
)
def in_bits(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return rate * bits_per_weight / (2 * bandwidth)


@asked.misconception(
    "the bits do not count",
    says="Your batch is the ratio of both rates, whatever a weight takes.",
    asks="Twice as many bytes for each weight: does reading take longer?",
)
def bits_ignored(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return rate / (2 * bandwidth)


@asked.misconception(
    "the machine's balance, in operations for each byte",
    says="You give the ridge of the roofline, rate over bandwidth. The question is at which batch decoding reaches it.",
    asks="How many operations does a byte of weights get, if the batch is B?",
)
def ridge(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return rate / bandwidth


@asked.misconception(
    "bytes divide instead of multiply",
    says="With you, more bits make arithmetic take over earlier.",
    asks="If a weight takes longer to read, can more or fewer sequences be served meanwhile?",
)
def bytes_below(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return rate / (2 * bandwidth * (bits_per_weight / 8))


@asked.misconception(
    "rounded down to whole sequences",
    says="You drop the fraction. The batch of whole sequences comes later; here the point where both are equal is asked.",
    asks="At your batch, do reading and arithmetic take equally long?",
)
def rounded_down(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return rate * (bits_per_weight / 8) // (2 * bandwidth)


@asked.misconception(
    "upside down",
    says="You give the reciprocal: the part of a sequence for which there would be time.",
    asks="Which one is larger on your machine: operations or bytes a second?",
)
def reciprocal(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    return 2 * bandwidth / (rate * bits_per_weight / 8)


@asked.also_correct("ridge over the operations for each byte")
def by_intensity(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    ridge = rate / bandwidth
    of_one_sequence = 2 / (bits_per_weight / 8)
    return ridge / of_one_sequence


@asked.also_correct("both times for one weight")
def by_times(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    seconds_to_read = bits_per_weight / 8 / bandwidth
    seconds_for_one = 2 / rate
    return seconds_to_read / seconds_for_one
