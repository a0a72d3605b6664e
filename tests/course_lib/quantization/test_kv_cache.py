"""Keys and values in few bits: each range as if alone, a cache that does not depend on how it was filled."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import (
    QuantizedKVCache,
    attention_error,
    code_range,
    dequantize,
    dequantize_kv,
    kv_bytes_per_token,
    quantize_kv,
    quantize_per_channel,
    quantize_per_tensor,
)

SEEDS = st.integers(0, 10**6)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(
    ("per", "shape", "one"),
    [
        ("token", (2, 3, 5, 1), lambda head, codes, s: quantize_per_channel(head, *codes, 0, s)),
        ("head", (2, 3, 1, 1), lambda head, codes, s: quantize_per_tensor(head, *codes, s)),
        ("channel", (2, 3, 1, 6), lambda head, codes, s: quantize_per_channel(head, *codes, 1, s)),
    ],
)
def test_each_head_is_quantized_as_if_alone(randn, per, shape, one, bits, symmetric):
    states = randn(2, 3, 5, 6) * torch.logspace(-1, 1, 6)
    found = quantize_kv(states, bits, per, symmetric)
    assert found.scale.shape == found.zero_point.shape == shape
    assert found.codes.dtype == torch.int8
    read = dequantize_kv(*found)
    for place in ((0, 0), (1, 2)):
        alone = one(states[place], code_range(bits), symmetric)
        assert torch.equal(found.codes[place], alone.codes)
        assert torch.equal(found.scale[place].flatten(), alone.scale.flatten())
        axis = {"token": 0, "channel": 1}.get(per)
        assert torch.equal(read[place], dequantize(*alone, axis=axis))


@given(SEEDS, st.sampled_from(["token", "head", "channel"]), st.sampled_from([4, 8]), st.booleans())
@settings(deadline=None, max_examples=30)
def test_no_value_is_off_by_more_than_half_a_step(randn, seed, per, bits, symmetric):
    states = randn(1, 2, 7, 4, seed=seed, dtype=torch.float64)
    found = quantize_kv(states, bits, per, symmetric)
    assert ((dequantize_kv(*found) - states).abs() <= found.scale / 2 * (1 + 1e-9)).all()


def plain_attention(queries, keys, values):
    out = torch.zeros_like(queries)
    for b in range(queries.shape[0]):
        for h in range(queries.shape[1]):
            for i, query in enumerate(queries[b, h]):
                weights = [(query @ key / len(query) ** 0.5).exp() for key in keys[b, h]]
                out[b, h, i] = sum(w * value for w, value in zip(weights, values[b, h], strict=True)) / sum(
                    weights
                )
    return out


def test_the_error_of_attention_equals_a_plain_loop(randn):
    q, k, v = (
        randn(2, 2, tokens, 4, seed=seed, dtype=torch.float64) for seed, tokens in enumerate((3, 5, 5))
    )
    k_hat, v_hat = (dequantize_kv(*quantize_kv(states, 4)) for states in (k, v))
    exact, found = plain_attention(q, k, v), plain_attention(q, k_hat, v_hat)
    expected = ((found - exact) ** 2).sum().sqrt() / (exact**2).sum().sqrt()
    assert torch.allclose(attention_error(q, k, v, k_hat, v_hat), expected, rtol=1e-10)
    assert attention_error(q, k, v, k, v) == 0


@pytest.mark.parametrize("seed", range(5))
def test_four_more_bits_divide_the_error_and_a_loud_channel_of_keys_wants_scales_per_channel(randn, seed):
    q, k, v = (randn(1, 4, 64, 32, seed=3 * seed + i) for i in range(3))
    error = {
        bits: attention_error(q, k, v, *(dequantize_kv(*quantize_kv(x, bits)) for x in (k, v)))
        for bits in (4, 8)
    }
    assert 12 < error[4] / error[8] < 24
    k[..., 5] *= 20
    q[..., 5] /= 20  # so that the logits stay as they were
    token, channel = (
        attention_error(q, k, v, dequantize_kv(*quantize_kv(k, 4, per)), v) for per in ("token", "channel")
    )
    assert channel < token / 2


@given(SEEDS, st.sampled_from([4, 8]), st.booleans(), st.lists(st.integers(1, 4), min_size=1, max_size=5))
@settings(deadline=None, max_examples=30)
def test_the_cache_does_not_depend_on_how_its_tokens_came(randn, seed, bits, symmetric, lengths):
    keys, values = (randn(2, 3, sum(lengths), 8, seed=seed + i) for i in (0, 1))
    cache = QuantizedKVCache(bits, symmetric)
    for new_keys, new_values in zip(keys.split(lengths, dim=2), values.split(lengths, dim=2), strict=True):
        cache.append(new_keys, new_values)
    assert len(cache) == sum(lengths)
    for kept, states in ((cache.keys(), keys), (cache.values(), values)):
        assert torch.equal(kept, dequantize_kv(*quantize_kv(states, bits, "token", symmetric)))
    # What is kept is what the formula counts: float32 scales, zero points of a byte.
    assert cache.nbytes == 2 * len(cache) * kv_bytes_per_token(
        1, 3, 8, bits, scale_bits=32, zero_point_bits=8
    )


def test_every_code_of_four_bits_survives_packing():
    states = torch.arange(-8.0, 8.0).reshape(1, 1, 1, 16)
    cache = QuantizedKVCache(4)
    cache.append(states, states)
    assert torch.equal(cache.keys(), states)


def test_bytes_are_counted_by_hand():
    # 2 (keys, values) · 30 layers · 3 heads · 64 numbers · 2 bytes
    assert kv_bytes_per_token(30, 3, 64, 16, scale_bits=0) == 2 * 30 * 3 * 64 * 2
    assert kv_bytes_per_token(1, 1, 64, 8, zero_point_bits=8) == 2 * (64 + 3)


class TestRefusals:
    STATES = torch.ones(1, 2, 3, 4)

    def refusal(self, cache, keys, values):
        with pytest.raises((TypeError, ValueError)) as caught:
            cache.append(keys, values)
        return str(caught.value)

    @pytest.mark.parametrize("bits", [5, 7])
    def test_bits(self, bits):
        with pytest.raises(
            ValueError, match=rf"^bits must be 8 or 4, got {bits}: other codes do not fill bytes\.$"
        ):
            QuantizedKVCache(bits)
        with pytest.raises(ValueError, match=r"^bits must be an integer from 4 to 8, got 16\.$"):
            QuantizedKVCache(16)

    def test_empty(self):
        assert len(QuantizedKVCache()) == QuantizedKVCache().nbytes == 0
        message = r"^QuantizedKVCache holds nothing yet: call append\(keys, values\) first\.$"
        for read in (QuantizedKVCache().keys, QuantizedKVCache().values):
            with pytest.raises(RuntimeError, match=message):
                read()

    def test_states_that_do_not_fit(self):
        cache = QuantizedKVCache(4)
        odd = self.STATES[..., :3]
        assert (
            self.refusal(cache, odd, odd)
            == "keys must have an even dim for 4 bits, two codes to a byte, got 3."
        )
        assert self.refusal(cache, self.STATES, odd) == (
            "values must have the shape of keys: expected [1, 2, 3, 4], got [1, 2, 3, 3]."
        )
        assert self.refusal(cache, self.STATES[0], self.STATES) == (
            "keys must have 4 axes, [batch, heads, tokens, dim], got 3 axes (shape [2, 3, 4])."
        )
        cache.append(self.STATES, self.STATES)
        assert self.refusal(cache, self.STATES[:, :1], self.STATES[:, :1]) == (
            "keys must have the batch, heads and dim of the cache, of shape [1, 2, 3, 4], got [1, 1, 3, 4]."
        )
        assert self.refusal(cache, self.STATES.double(), self.STATES.double()) == (
            "keys must have the dtype of the cache: expected torch.float32, got torch.float64."
        )
        assert len(cache) == 3
