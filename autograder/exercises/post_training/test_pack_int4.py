"""Write a test that tells right implementations of pack_int4 from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.post_training import pack_int4
from autograder.observers import LearnerTestObserver
from course_lib import quantization

Pack = Callable[[Tensor], Tensor]

_right = {"the reference": quantization.pack_int4, **pack_int4.asked.correct}
_known = pack_int4.asked.misconceptions
_plain = ("unpacked", "swapped", "halves", "offset")
_subtle = ("sign_leaks", "sign_magnitude", "wrong_axis")


def a_good_test(implementation: Pack) -> None:
    """The reference: bytes worked out by hand, with both signs in both nibbles, and more than one row."""
    assert implementation(torch.tensor([1, 2, 7, 0], dtype=torch.int8)).tolist() == [0x21, 0x07]
    codes = torch.tensor([[-1, 3, 5, -8], [0, -2, -7, -7]], dtype=torch.int8)
    assert implementation(codes).tolist() == [[0x3F, 0x85], [0xE0, 0x99]]


asked = Exercise(
    "post_training.test_pack_int4",
    title="Test the tests",
    minutes=8,
    skills=["testing", "packing"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=3, needs=("accepts",)),
        "subtle": Group(1, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right, "Does it ask for more than the bytes, or for codes outside of -8 … 7?"),
        *catches(pack_int4.asked, _plain),
        *catches(pack_int4.asked, _subtle, "subtle"),
    ],
    implementations=_right | {name: _known[name].on(quantization.pack_int4) for name in (*_plain, *_subtle)},
    hints=[
        "Write down the bytes of a few codes: 1 and 2 are 0x21. A test that packs and unpacks again proves only that "
        "two functions agree.",
        "Both signs in both halves of a byte, -8 and 7 among them; two rows, not only one; neighbours that differ.",
        "assert implementation(torch.tensor([...], dtype=torch.int8)).tolist() == [...] for positive codes, and again for "
        "two rows with negative ones.",
    ],
    follow_up="pack and unpack both swap the nibbles. Who notices, and when?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which byte do you know that 1 and 2 must give?",
)
def only_calls(implementation: Pack) -> None:
    implementation(torch.tensor([1, 2], dtype=torch.int8))


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.quantization.pack_int4?",
)
def rejects_all(implementation: Pack) -> None:
    raise AssertionError("no")


@asked.misconception(
    "only dtype and size are compared",
    says="That six codes give three bytes is true of most wrong implementations as well.",
    asks="Which bytes are they?",
)
def only_size(implementation: Pack) -> None:
    packed = implementation(torch.tensor([1, -2, 3, -4, 5, 6], dtype=torch.int8))
    assert packed.dtype == torch.uint8
    assert packed.shape == (3,)


@asked.misconception(
    "all codes are alike",
    says="Where neighbours are equal, no order of the nibbles can be seen.",
    asks="What would a function do to your codes that swaps them?",
)
def all_alike(implementation: Pack) -> None:
    packed = implementation(torch.full((2, 4), 3, dtype=torch.int8))
    assert packed.tolist() == [[0x33, 0x33], [0x33, 0x33]]


@asked.misconception(
    "no negative codes",
    says="Positive codes in one row show the order of the nibbles, but no sign and no second row.",
    asks="Which byte do -1 and 3 give?",
)
def only_positive(implementation: Pack) -> None:
    assert implementation(torch.tensor([1, 2, 7, 0, 4, 5], dtype=torch.int8)).tolist() == [0x21, 0x07, 0x54]


@asked.also_correct("against arithmetic on plain integers")
def by_formula(implementation: Pack) -> None:
    codes = torch.randint(-8, 8, (5, 8), generator=torch.Generator().manual_seed(3)).to(torch.int8)
    wanted = [
        [a % 16 + 16 * (b % 16) for a, b in zip(row[::2], row[1::2], strict=True)] for row in codes.tolist()
    ]
    assert implementation(codes).tolist() == wanted


@asked.also_correct("every pair of codes, unpacked by the library")
def by_inverse(implementation: Pack) -> None:
    low, high = torch.meshgrid(torch.arange(-8, 8), torch.arange(-8, 8), indexing="ij")
    codes = torch.stack([low, high], dim=-1).flatten(1).to(torch.int8)
    assert torch.equal(quantization.unpack_int4(implementation(codes), codes.shape[1]), codes)
