"""An observer as a class: what it keeps between batches, and which grid it gives."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.observers import StateObserver
from course_lib import quantization

Grid = tuple[Tensor, Tensor]


def _watch(name: str, batches: list[tuple[float, float]], group: str | None = None, **codes: Any) -> CaseSpec:
    """Batches with given ends, in random order inside; the grid is asked for after each."""

    def make(rng: Generator) -> dict[str, Any]:
        stretch = rng.uniform(0.8, 1.25)
        given: dict[str, Any] = {}
        script: list[list[Any]] = [["new", {"qmin": -128, "qmax": 127, "symmetric": False, **codes}]]
        for number, (low, high) in enumerate(batches):
            inside = rng.uniform(low, high, size=(2, 3))
            inside[0, 0], inside[1, 2] = low, high
            given[f"x{number}"] = stretch * inside
            script.append(["call", "observe", {"x": f"$x{number}"}])
            script.append(["call", "qparams", {}, ["scale", "zero_point"]])
        return {"script": script, **given}

    return case(name, make, group=group)


asked = Exercise(
    "post_training.MinMax",
    title="An observer",
    minutes=9,
    skills=["calibration", "classes"],
    reference=quantization.MinMax,
    observer=StateObserver(dtype="float64"),
    groups={"batches": 2, "symmetric": 1},
    cases=[
        _watch("one batch", [(-1.3, 2.2)]),
        _watch("the wider batch first", [(-2.0, 3.1), (-0.5, 0.7), (-0.2, 1.1)]),
        _watch("ends in different batches", [(-0.3, 2.2), (-1.9, 0.4)], qmin=-8, qmax=7),
        _watch("only positive values", [(1.0, 2.0), (1.5, 4.1)]),
        _watch(
            "symmetric, the negative end farther out", [(-0.7, 1.2), (-3.3, 0.5)], "symmetric", symmetric=True
        ),
        _watch(
            "symmetric, the positive end farther out",
            [(-2.4, 0.9), (-0.4, 2.9)],
            "symmetric",
            symmetric=True,
            qmin=-8,
            qmax=7,
        ),
    ],
    hints=[
        "Keep two numbers: the smallest and the largest value of all batches so far. The grid is what "
        "`affine_qparams` gives for them.",
        "__init__ keeps the codes, and the two ends as 'nothing yet'; observe compares the batch's ends with them; "
        "qparams calls quantization.affine_qparams(low, high, qmin, qmax, symmetric).",
        "Start with None, or with inf and -inf; in observe, low = torch.minimum(low, x.min()), and likewise for high.",
    ],
    follow_up="One stray value in one of a thousand batches: what does it do to this observer, and for how long?",
)


class _Watching:
    """What the wrong ones have in common; each spoils one part."""

    def __init__(self, qmin: int = -128, qmax: int = 127, symmetric: bool = False) -> None:
        self.codes, self.symmetric = (qmin, qmax), symmetric
        self.low: Tensor | None = None
        self.high: Tensor | None = None

    def observe(self, x: Tensor) -> None:
        low, high = self.ends(x)
        self.low, self.high = (low, high) if self.low is None else self.combine(low, high)

    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.min(), x.max()

    def combine(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        assert self.low is not None
        assert self.high is not None
        return torch.minimum(self.low, low), torch.maximum(self.high, high)

    def qparams(self) -> Grid:
        assert self.low is not None
        assert self.high is not None
        return quantization.affine_qparams(self.low, self.high, *self.codes, self.symmetric)


@asked.misconception(
    "the last batch only",
    says="Your grid is that of the newest batch; what came before is forgotten.",
    asks="With what do you compare the ends of a new batch?",
)
class LastBatch(_Watching):
    def combine(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        return low, high


@asked.misconception(
    "the first batch only",
    says="Your grid never changes after the first batch.",
    asks="What does your observe do when it is called for the second time?",
)
class FirstBatch(_Watching):
    def combine(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


@asked.misconception(
    "the average of the batches' ends",
    says="You average smallest and largest values over the batches: a moving average, which cuts off what is rare.",
    asks="Should a value that was seen lie outside of the range?",
)
class Averages(_Watching):
    def __init__(self, qmin: int = -128, qmax: int = 127, symmetric: bool = False) -> None:
        super().__init__(qmin, qmax, symmetric)
        self.count = 1

    def combine(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        assert self.low is not None
        assert self.high is not None
        self.count += 1
        return self.low + (low - self.low) / self.count, self.high + (high - self.high) / self.count


@asked.misconception(
    "the largest value instead of the largest magnitude",
    says="You watch the maximum alone, and make a grid from -max to max: the negative end is not seen.",
    asks="Which values does a batch from -3 to 1 need a grid for?",
)
class SignedMax(_Watching):
    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return -x.max(), x.max()


@asked.misconception(
    "the largest value only",
    says="You watch the maximum alone, and your range begins at 0: negative values are all cut off.",
    asks="Which values of a batch from -3 to 1 does your grid hold?",
)
class OnlyMaximum(_Watching):
    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(x.max()), x.max()


@asked.misconception(
    "magnitudes only",
    says="You watch |x|, so that the range is as wide on the side where nothing is.",
    asks="What is the smallest value of a batch from 1 to 4, and what does an affine grid do with it?",
)
class Magnitudes(_Watching):
    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return -x.abs().max(), x.abs().max()


@asked.misconception(
    "the range does not contain zero",
    says="Where all values have one sign, your zero point lies outside the codes.",
    asks="Did you call affine_qparams, or divide by yourself?",
    source="AutoAWQ#185, pytorch#108646, nni#3493",
)
class WithoutZero(_Watching):
    def qparams(self) -> Grid:
        if self.symmetric:
            return super().qparams()
        assert self.low is not None
        assert self.high is not None
        return quantization.affine_qparams(self.low, self.high, *self.codes, include_zero=False)


@asked.misconception(
    "symmetric is ignored",
    says="You give the affine grid in both cases.",
    asks="What should the zero point be for symmetric=True?",
)
class AlwaysAffine(_Watching):
    def qparams(self) -> Grid:
        assert self.low is not None
        assert self.high is not None
        return quantization.affine_qparams(self.low, self.high, *self.codes)


@asked.misconception(
    "the codes are always those of 8 bits",
    says="Your grid has 256 codes, whatever qmin and qmax are.",
    asks="Where do qmin and qmax go in your class?",
)
class AlwaysEightBits(_Watching):
    def qparams(self) -> Grid:
        assert self.low is not None
        assert self.high is not None
        return quantization.affine_qparams(self.low, self.high, -128, 127, self.symmetric)


@asked.misconception(
    "one end follows the other's batch",
    says="You take over both ends of a batch when one of them is farther out.",
    asks="May the smallest value be from one batch, and the largest from another?",
)
class WiderBatch(_Watching):
    def combine(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        assert self.low is not None
        assert self.high is not None
        wider = bool(low < self.low or high > self.high)
        return (low, high) if wider else (self.low, self.high)


@asked.also_correct("from infinities, with clamp")
class Infinities:
    """The usual start of torch.ao's observers."""

    def __init__(self, qmin: int = -128, qmax: int = 127, symmetric: bool = False) -> None:
        self.qmin, self.qmax, self.symmetric = qmin, qmax, symmetric
        self.low, self.high = torch.tensor(float("inf")), torch.tensor(float("-inf"))

    def observe(self, x: Tensor) -> None:
        low, high = torch.aminmax(x)
        self.low, self.high = (torch.stack(both) for both in ((self.low.to(x), low), (self.high.to(x), high)))
        self.low, self.high = self.low.min(), self.high.max()

    def qparams(self) -> Grid:
        return quantization.affine_qparams(self.low, self.high, self.qmin, self.qmax, self.symmetric)


@asked.also_correct("plain numbers, beginning at 0, which is in every grid")
class FromZero:
    """Zero belongs to the range anyway."""

    def __init__(self, qmin: int = -128, qmax: int = 127, symmetric: bool = False) -> None:
        self.settings = (qmin, qmax, symmetric)
        self.low = self.high = 0.0

    def observe(self, x: Tensor) -> None:
        self.low = min(self.low, float(x.min()))
        self.high = max(self.high, float(x.max()))

    def qparams(self) -> tuple[float, int]:
        qmin, qmax, symmetric = self.settings
        if symmetric:
            return max(-self.low, self.high) / qmax, 0
        scale = (self.high - self.low) / (qmax - qmin)
        return scale, round(qmin - self.low / scale)


@asked.also_correct("the ends of all batches kept in a list")
class KeepsEnds:
    """Two numbers a batch."""

    def __init__(self, qmin: int = -128, qmax: int = 127, symmetric: bool = False) -> None:
        self.qmin, self.qmax, self.symmetric = qmin, qmax, symmetric
        self.seen: list[Tensor] = []

    def observe(self, x: Tensor) -> None:
        self.seen += [x.amin(), x.amax()]

    def qparams(self) -> Grid:
        every = torch.stack(self.seen)
        return quantization.affine_qparams(every.min(), every.max(), self.qmin, self.qmax, self.symmetric)
