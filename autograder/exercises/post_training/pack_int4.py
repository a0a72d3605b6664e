"""Two codes of four bits in a byte."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _codes(name: str, shape: tuple[int, ...], low: int, high: int, group: str | None = None) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        codes = rng.integers(low, high + 1, size=shape, dtype="int8")
        # Neighbours that differ, and both ends, so that no order and no sign can be mistaken for another.
        codes[..., 0], codes[..., 1] = high, low
        return {"codes": codes}

    return case(name, make, group=group)


asked = Exercise(
    "post_training.pack_int4",
    title="Two codes in a byte",
    minutes=6,
    skills=["packing", "two's complement"],
    reference=quantization.pack_int4,
    outputs=["bytes"],
    groups={"value": 1, "negative codes": 1},
    cases=[
        _codes("6 codes from 0 to 7", (6,), 0, 7),
        _codes("2×4 codes from 0 to 7", (2, 4), 0, 7),
        _codes("8 codes from -8 to 7", (8,), -8, 7, "negative codes"),
        _codes("3×6 codes from -8 to 7", (3, 6), -8, 7, "negative codes"),
    ],
    exact=True,
    hints=[
        "A byte has two halves, called nibbles. The code with the even index goes into the low one, its right neighbour "
        "into the high one. A negative code q is the nibble 16 + q, as in two's complement.",
        "codes & 15 keeps the lowest four bits, of negative codes too. Take every second column, from 0 and from 1; "
        "shift the second by four bits, combine; uint8 before shifting, so that nothing overflows.",
        "nibbles = (codes & 15).to(torch.uint8); then nibbles[..., 0::2] combined by | with the odd ones << 4.",
    ],
    follow_up="llama.cpp's Q4 formats put code k beside code k + 16 in a byte, not beside k + 1. Why might that be faster to unpack?",
)


def _nibbles(codes: Tensor) -> Tensor:
    return (codes & 15).to(torch.uint8)


@asked.misconception(
    "the nibbles are swapped",
    says="Your even codes are in the high halves, the odd ones in the low halves.",
    asks="Which of the two codes of a byte should be found by & 15?",
)
def swapped(codes: Tensor) -> Tensor:
    n = _nibbles(codes)
    return n[..., 1::2] | (n[..., 0::2] << 4)


@asked.misconception(
    "the sign fills the other nibble",
    says="A negative low code sets all bits above it, and the code beside it is lost.",
    asks="What are the eight bits of -1 in int8, and which of them belong to your code?",
)
def sign_leaks(codes: Tensor) -> Tensor:
    return (codes[..., 0::2] | (codes[..., 1::2] << 4)).to(torch.uint8)


@asked.misconception(
    "8 is added to every code",
    says="Your nibbles are q + 8: a common format, but not two's complement, which was asked for.",
    asks="Which nibble does the code 0 get?",
    source="the int4 kernels of torch and GPTQ's files add 8",
)
def offset(codes: Tensor) -> Tensor:
    n = (codes + 8).to(torch.uint8)
    return n[..., 0::2] | (n[..., 1::2] << 4)


@asked.misconception(
    "sign and magnitude",
    says="Your negative nibbles are 8 plus the magnitude.",
    asks="Which nibble does -8 get with you, and which one 0?",
)
def sign_magnitude(codes: Tensor) -> Tensor:
    n = (torch.where(codes < 0, 8 - codes, codes) & 15).to(torch.uint8)
    return n[..., 0::2] | (n[..., 1::2] << 4)


@asked.misconception(
    "the first half of a row beside the second half",
    says="You pair code k with code k + dim/2, not with its neighbour.",
    asks="Which codes should the first byte of a row hold?",
)
def halves(codes: Tensor) -> Tensor:
    low, high = _nibbles(codes).chunk(2, dim=-1)
    return low | (high << 4)


@asked.misconception(
    "neighbours along the wrong axis",
    says="Your bytes run through the codes as if rows were columns.",
    asks="Do two codes of a byte stand in one row?",
)
def wrong_axis(codes: Tensor) -> Tensor:
    if codes.ndim == 1:
        return quantization.pack_int4(codes)
    n = _nibbles(codes).T.reshape(codes.shape)
    return n[..., 0::2] | (n[..., 1::2] << 4)


@asked.misconception(
    "one code to a byte",
    says="You keep each code in a byte of its own: nothing is saved.",
    asks="How many bytes should six codes take?",
)
def unpacked(codes: Tensor) -> Tensor:
    return _nibbles(codes)


@asked.misconception(
    "added, with the sign",
    says="You add 16 times the high code to a low one with its sign: where that is negative, 1 is borrowed above.",
    asks="Which nibble, from 0 to 15, stands for -3?",
)
def borrows(codes: Tensor) -> Tensor:
    return (codes[..., 0::2].int() + 16 * codes[..., 1::2].int()).to(torch.uint8)


@asked.misconception(
    "the bytes are signed",
    says="Your bits are right, but as int8: bytes from 128 on are read as negative numbers.",
    asks="Which type has the values 0 to 255?",
)
def signed_bytes(codes: Tensor) -> Tensor:
    return quantization.pack_int4(codes).view(torch.int8)


@asked.also_correct("arithmetic instead of bits")
def arithmetic(codes: Tensor) -> Tensor:
    n = torch.remainder(codes.int(), 16)
    return (n[..., ::2] + 16 * n[..., 1::2]).to(torch.uint8)


@asked.also_correct("pairs along a new axis")
def pairs(codes: Tensor) -> Tensor:
    pair = (codes.long() % 16).unflatten(-1, (-1, 2))
    return (pair * torch.tensor([1, 16])).sum(dim=-1).to(torch.uint8)
