"""Two codes in a byte: the order of the nibbles, and a round trip."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import pack_int4, unpack_int4


@settings(deadline=None)
@given(st.lists(st.integers(-8, 7), min_size=1, max_size=40))
def test_a_byte_is_its_two_codes_in_twos_complement(codes):
    packed = pack_int4(torch.tensor(codes))
    padded = [*codes, 0][: 2 * len(packed)]
    pairs = zip(padded[::2], padded[1::2], strict=True)
    assert packed.tolist() == [low % 16 + 16 * (high % 16) for low, high in pairs]


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(1, 9), st.integers(0, 2**31))
def test_unpacking_gives_the_codes_back(axes, dim, seed):
    codes = torch.randint(-8, 8, (*[2] * axes, dim), generator=torch.Generator().manual_seed(seed))
    packed = pack_int4(codes)
    assert packed.dtype == torch.uint8
    assert packed.shape == (*codes.shape[:-1], (dim + 1) // 2)
    back = unpack_int4(packed, dim)
    assert back.dtype == torch.int8
    assert torch.equal(back.long(), codes)


def test_codes_that_do_not_fit():
    for codes in ([8], [-9, 0]):
        with pytest.raises(ValueError, match=r"^codes must be from -8 to 7 to fit 4 bits, got values from"):
            pack_int4(torch.tensor(codes))
    with pytest.raises(TypeError, match=r"^codes must be an integer tensor, got torch\.float32\.$"):
        pack_int4(torch.zeros(2))
    with pytest.raises(ValueError, match=r"^codes must have at least one axis, got a single number\.$"):
        pack_int4(torch.tensor(1))


def test_bytes_that_are_none():
    packed = torch.zeros(2, 3, dtype=torch.uint8)
    with pytest.raises(
        ValueError, match=r"^packed must hold 4 bytes in a row for dim = 7, got shape \[2, 3\]\.$"
    ):
        unpack_int4(packed, 7)
    with pytest.raises(
        ValueError, match=r"^packed must hold 1 bytes in a row for dim = 1, got shape \[\]\.$"
    ):
        unpack_int4(packed[0, 0], 1)
    with pytest.raises(TypeError, match=r"^packed must be torch\.uint8, got torch\.int8\.$"):
        unpack_int4(packed.to(torch.int8), 6)
    with pytest.raises(ValueError, match=r"^dim must be an integer of at least 1, got 0\.$"):
        unpack_int4(packed, 0)
