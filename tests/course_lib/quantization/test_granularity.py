"""One scale, one for each channel, one for each group."""

import pytest
import torch

from course_lib.quantization import (
    channel_qparams,
    dequantize,
    effective_bits,
    quantize_per_channel,
    quantize_per_group,
    quantize_per_tensor,
    sqnr_db,
)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_each_channel_is_quantized_as_if_alone(randn, axis, symmetric):
    x = randn(3, 4, 5) * torch.tensor([1.0, 10.0, 0.1])[:, None, None]
    whole = quantize_per_channel(x, -8, 7, axis, symmetric)
    for channel in range(x.shape[axis]):
        alone = quantize_per_tensor(x.select(axis, channel), -8, 7, symmetric)
        assert torch.equal(whole.codes.select(axis, channel), alone.codes)
        assert torch.equal(whole.scale[channel], alone.scale)
        assert torch.equal(whole.zero_point[channel], alone.zero_point)


@pytest.mark.filterwarnings("ignore")  # torch says that its quantized tensors will go
def test_codes_per_channel_equal_torch_s(randn):
    x = randn(6, 20) * torch.logspace(-2, 2, 6)[:, None]
    codes, scale, zero_point = quantize_per_channel(x, -128, 127)
    theirs = torch.quantize_per_channel(x, scale.double(), zero_point, 0, torch.qint8)
    assert torch.equal(codes, theirs.int_repr())
    assert torch.allclose(dequantize(codes, scale, zero_point, axis=0), theirs.dequantize())


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_group_of_the_whole_row_is_a_channel_and_groups_can_be_read_back(randn, symmetric):
    x = randn(4, 12)
    rows, groups = quantize_per_channel(x, -8, 7, 0, symmetric), quantize_per_group(x, 12, -8, 7, symmetric)
    assert torch.equal(groups.codes, rows.codes)
    assert torch.equal(groups.scale[:, 0], rows.scale)
    small = quantize_per_group(x, 3, -8, 7, symmetric)
    assert small.scale.shape == (4, 4)
    error = (dequantize(*small) - x).abs()
    assert (error <= small.scale.repeat_interleave(3, dim=1) / 2 * (1 + 1e-5)).all()


def test_finer_scales_have_less_noise_where_sizes_differ(randn):
    x = randn(16, 128) * torch.logspace(-1, 1, 16)[:, None]
    x[:, :8] *= 6
    tensor, rows, groups = (
        quantize_per_tensor(x, -7, 7, True),
        quantize_per_channel(x, -7, 7, 0, True),
        quantize_per_group(x, 8, -7, 7, True),
    )
    noises = [
        sqnr_db(x, values) for values in (dequantize(*tensor), dequantize(*rows, axis=0), dequantize(*groups))
    ]
    assert noises[0] + 1 < noises[1]
    assert noises[1] + 1 < noises[2]


def test_a_vector_has_a_channel_for_each_value():
    scale, _ = channel_qparams(torch.tensor([1.0, -2.0]), -1, 1, symmetric=True)
    assert scale.tolist() == [1.0, 2.0]


def test_effective_bits():
    assert effective_bits(4, 128) == 4 + 16 / 128
    assert effective_bits(8, 4096, scale_bits=32, zero_point_bits=8) == 8 + 40 / 4096
