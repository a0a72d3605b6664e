"""The codes out of their bytes again."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _packed(name: str, shape: tuple[int, ...], low: int, high: int, group: str | None = None) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        codes = rng.integers(low, high + 1, size=shape, dtype="int8")
        codes[..., 0], codes[..., 1] = high, low
        return {"packed": quantization.pack_int4(torch.from_numpy(codes)).numpy(), "dim": shape[-1]}

    return case(name, make, group=group)


asked = Exercise(
    "post_training.unpack_int4",
    title="And out again",
    minutes=5,
    skills=["packing", "two's complement"],
    reference=quantization.unpack_int4,
    outputs=["codes"],
    groups={"value": 1, "negative codes": 1},
    cases=[
        _packed("3 bytes of codes from 0 to 7", (6,), 0, 7),
        _packed("2×2 bytes of codes from 0 to 7", (2, 4), 0, 7),
        _packed("4 bytes of codes from -8 to 7", (8,), -8, 7, "negative codes"),
        _packed("3×3 bytes of codes from -8 to 7", (3, 6), -8, 7, "negative codes"),
    ],
    exact=True,
    hints=[
        "The low nibble is packed & 15, the high one packed >> 4. A nibble above 7 stands for a negative code.",
        "Stack both along a new last axis, so that they alternate when it is flattened; to int8; then subtract 16 where "
        "the nibble is above 7.",
        "torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2).to(torch.int8), and torch.where(n > 7, n − 16, n).",
    ],
    follow_up="How could two shifts of an int8, left by four and then right by four, do the sign without a comparison?",
)


def _alternating(low: Tensor, high: Tensor) -> Tensor:
    return torch.stack([low, high], dim=-1).flatten(-2).to(torch.int8)


def _signed(nibbles: Tensor) -> Tensor:
    return torch.where(nibbles > 7, nibbles - 16, nibbles)


@asked.misconception(
    "the sign is not extended",
    says="Your negative codes come out as 8 to 15.",
    asks="Which code was packed as the nibble 1111?",
)
def no_sign(packed: Tensor, dim: int) -> Tensor:
    return _alternating(packed & 15, packed >> 4)


@asked.misconception(
    "the nibbles are swapped",
    says="Your neighbours are exchanged: the high halves come first.",
    asks="Into which half did the even codes go?",
)
def swapped(packed: Tensor, dim: int) -> Tensor:
    return _signed(_alternating(packed >> 4, packed & 15))


@asked.misconception(
    "8 is subtracted from every nibble",
    says="You undo an offset of 8 that was never added.",
    asks="Which code does the nibble 0000 stand for in two's complement?",
)
def offset(packed: Tensor, dim: int) -> Tensor:
    return _alternating(packed & 15, packed >> 4) - 8


@asked.misconception(
    "all low nibbles before all high ones",
    says="Your codes are right and out of order: first all even ones, then all odd ones.",
    asks="Which code stands beside the first one?",
)
def concatenated(packed: Tensor, dim: int) -> Tensor:
    return _signed(torch.cat([packed & 15, packed >> 4], dim=-1).to(torch.int8))


@asked.misconception(
    "sign and magnitude",
    says="You take the nibble's highest bit for a minus sign.",
    asks="Two codes would stand for zero then. Which one is not used in two's complement?",
)
def sign_magnitude(packed: Tensor, dim: int) -> Tensor:
    n = _alternating(packed & 15, packed >> 4)
    return torch.where(n > 7, 8 - n, n)


@asked.misconception(
    "7 counts as negative",
    says="Your largest code, 7, comes out as -9.",
    asks="Is the highest bit of 0111 set?",
)
def from_seven(packed: Tensor, dim: int) -> Tensor:
    n = _alternating(packed & 15, packed >> 4)
    return torch.where(n >= 7, n - 16, n)


@asked.misconception(
    "-8 stays positive",
    says="Your lowest code, -8, comes out as 8.",
    asks="Is the highest bit of 1000 set?",
)
def above_eight(packed: Tensor, dim: int) -> Tensor:
    n = _alternating(packed & 15, packed >> 4)
    return torch.where(n > 8, n - 16, n)


@asked.misconception(
    "negative numbers in uint8",
    says="You subtract 16 in uint8, which has no negative numbers: -1 comes out as 255.",
    asks="Which type do your nibbles have when you subtract?",
)
def in_uint8(packed: Tensor, dim: int) -> Tensor:
    n = torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2)
    return torch.where(n > 7, n - 16, n)


@asked.also_correct("two shifts of a signed byte")
def shifts(packed: Tensor, dim: int) -> Tensor:
    signed = packed.view(torch.int8)
    return torch.stack([(signed << 4) >> 4, signed >> 4], dim=-1).reshape(*packed.shape[:-1], dim)


@asked.also_correct("filled in, with the sign by arithmetic")
def filled(packed: Tensor, dim: int) -> Tensor:
    codes = torch.zeros(*packed.shape[:-1], dim, dtype=torch.int8)
    for place, nibble in enumerate((packed % 16, packed // 16)):
        codes[..., place::2] = ((nibble.int() + 8) % 16 - 8).to(torch.int8)
    return codes
