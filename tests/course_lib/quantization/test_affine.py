"""Scale, zero point, codes and back: against torch's own, and by the laws that a grid must obey."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.ao.quantization.observer import MinMaxObserver

from course_lib.quantization import affine_qparams, code_range, dequantize, quantize

RANGES = st.tuples(st.floats(-1e4, 1e4, width=32), st.floats(-1e4, 1e4, width=32)).map(sorted)
BITS = st.integers(2, 10)


def grid_of(low, high, bits, **options):
    codes = code_range(bits)
    ends = (torch.tensor(end, dtype=torch.float64) for end in (low, high))
    return *affine_qparams(*ends, *codes, **options), *codes


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-7.0, -2.0), (0.0, 0.0)])
@pytest.mark.parametrize("symmetric", [False, True])
def test_qparams_equal_those_of_torch_ao(low, high, symmetric):
    scheme = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    observer = MinMaxObserver(dtype=torch.qint8, qscheme=scheme)
    observer(torch.tensor([low, high]))
    scale, zero_point = observer.calculate_qparams()
    ours = affine_qparams(low, high, -128, 127, symmetric, full_range=symmetric)
    assert ours.scale.item() == pytest.approx(scale.item(), rel=1e-6)
    assert ours.zero_point.item() == zero_point.item()


def test_the_papers_symmetric_scale_divides_by_127_and_torch_ao_s_by_127_and_a_half():
    assert affine_qparams(-2.0, 1.0, -128, 127, True).scale.item() == pytest.approx(2 / 127)
    assert affine_qparams(-2.0, 1.0, -128, 127, True, full_range=True).scale.item() == pytest.approx(
        2 / 127.5
    )


def test_a_range_without_zero_may_be_had_and_puts_the_zero_point_outside():
    scale, zero_point = affine_qparams(5.0, 6.0, -8, 7, include_zero=False)
    assert scale.item() == pytest.approx(1 / 15)
    assert zero_point.item() == -8 - 75


def test_ends_of_float32_do_not_overflow():
    scale, zero_point = affine_qparams(-3e38, 3e38, -128, 127)
    assert torch.isfinite(scale)
    assert zero_point.item() in (-1, 0)


def test_a_dead_channel_keeps_its_zeros_and_disturbs_no_other():
    ends = torch.tensor([0.0, -1.0]), torch.tensor([0.0, 2.0])
    scale, zero_point = affine_qparams(*ends, -128, 127)
    x = torch.tensor([[0.0, 0.0], [-1.0, 2.0]])
    values = dequantize(quantize(x, scale, zero_point, -128, 127, axis=0), scale, zero_point, axis=0)
    assert (values[0] == 0).all()
    assert ((values - x).abs() <= scale[1] / 2 + 1e-6).all()


@given(RANGES, BITS, st.booleans())
@settings(deadline=None)
def test_zero_has_a_code_and_is_reproduced_exactly(ends, bits, symmetric):
    scale, zero_point, qmin, qmax = grid_of(*ends, bits, symmetric=symmetric)
    assert qmin <= zero_point <= qmax
    zero = torch.zeros(1, dtype=torch.float64)
    codes = quantize(zero, scale, zero_point, qmin, qmax)
    assert codes.item() == zero_point
    assert dequantize(codes, scale, zero_point).item() == 0


@given(RANGES, BITS, st.booleans(), st.integers(0, 10**6))
@settings(deadline=None)
def test_inside_the_range_no_value_is_off_by_more_than_half_a_step(randn, ends, bits, symmetric, seed):
    scale, zero_point, qmin, qmax = grid_of(*ends, bits, symmetric=symmetric)
    part = torch.rand(50, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = torch.cat([torch.tensor(ends, dtype=torch.float64), ends[0] + part * (ends[1] - ends[0])])
    error = dequantize(quantize(x, scale, zero_point, qmin, qmax), scale, zero_point) - x
    assert (error.abs() <= scale / 2 * (1 + 1e-9)).all()


@given(RANGES, BITS, st.integers(0, 10**6))
@settings(deadline=None)
def test_quantizing_is_monotone_and_doing_it_twice_changes_nothing(randn, ends, bits, seed):
    scale, zero_point, qmin, qmax = grid_of(*ends, bits)
    x = (randn(40, seed=seed, dtype=torch.float64) * 1e4).sort().values
    codes = quantize(x, scale, zero_point, qmin, qmax)
    assert (codes.long().diff() >= 0).all()
    assert qmin <= codes.min() <= codes.max() <= qmax
    again = quantize(dequantize(codes, scale, zero_point), scale, zero_point, qmin, qmax)
    assert torch.equal(again, codes)


@pytest.mark.filterwarnings("ignore")  # torch says that its quantized tensors will go
@pytest.mark.parametrize(("qtype", "qmin", "qmax"), [(torch.qint8, -128, 127), (torch.quint8, 0, 255)])
@pytest.mark.parametrize("size", [0.5, 5.0])
def test_codes_and_values_equal_torch_s(randn, qtype, qmin, qmax, size):
    x = randn(1000) * size
    scale, zero_point = 0.031, (qmin + qmax) // 2 + 9
    theirs = torch.quantize_per_tensor(x, scale, zero_point, qtype)
    ours = quantize(x, scale, zero_point, qmin, qmax)
    assert ours.dtype == theirs.int_repr().dtype
    assert torch.equal(ours, theirs.int_repr())
    assert torch.allclose(dequantize(ours, scale, zero_point), theirs.dequantize(), rtol=1e-6, atol=0)


def test_halves_round_to_even_and_200_does_not_become_minus_56():
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, 200.0, -1e30])
    assert quantize(x, 1.0, 0, -128, 127).tolist() == [0, 2, 2, 0, 127, -128]


@pytest.mark.parametrize(
    ("qmin", "qmax", "dtype"),
    [
        (-8, 7, torch.int8),
        (0, 255, torch.uint8),
        (-1, 128, torch.int16),
        (0, 65535, torch.int32),
    ],
)
def test_the_smallest_dtype_that_holds_the_codes(qmin, qmax, dtype):
    x = torch.tensor([-1e9, 1e9])
    codes = quantize(x, 1.0, 0, qmin, qmax)
    assert codes.dtype == dtype
    assert codes.tolist() == [qmin, qmax]


def test_differences_do_not_wrap_round():
    codes = torch.tensor([127, -128], dtype=torch.int8)
    zero_point = torch.tensor(-128, dtype=torch.int8)
    assert dequantize(codes, 1.0, zero_point).tolist() == [255.0, 0.0]
