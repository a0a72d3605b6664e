"""Observers: what they remember, what they choose, and how that compares with torch.ao's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.ao.quantization import observer as ao

from course_lib.quantization import (
    Entropy,
    Histogram,
    MinMax,
    MovingAverage,
    Percentile,
    affine_qparams,
    fake_quantize,
    quantization_error,
)
from course_lib.quantization.counts import Counts
from course_lib.quantization.histogram import expected_error

ALL = [MinMax, MovingAverage, Percentile, Histogram, Entropy]


def samples(kind, seed=0, size=20_000):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, generator=generator)
    return {
        "gaussian": x,
        "after ReLU": x.relu(),
        "two outliers": torch.cat([x, torch.tensor([100.0, -60.0])]),
        "lognormal": x.exp(),
        "far from zero": 5 + x / 3,
        "uniform": torch.rand(size, generator=generator),
    }[kind]


KINDS = ["gaussian", "after ReLU", "two outliers", "lognormal", "far from zero", "uniform"]


def watched(observer, batches):
    for batch in batches:
        observer.observe(batch)
    return observer


def error_of(x, qparams, qmin=-128, qmax=127):
    return float(quantization_error(x, fake_quantize(x, *qparams, qmin, qmax)))


@pytest.mark.parametrize("symmetric", [False, True])
def test_min_max_and_moving_average_equal_torch_ao_s(symmetric):
    batches = [samples("gaussian", seed) * (1 + seed) for seed in range(3)]
    scheme = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    pairs = [
        (MinMax(symmetric=symmetric, full_range=symmetric), ao.MinMaxObserver),
        (MovingAverage(symmetric=symmetric, full_range=symmetric), ao.MovingAverageMinMaxObserver),
    ]
    for ours, kind in pairs:
        theirs = kind(dtype=torch.qint8, qscheme=scheme)
        for batch in batches:
            theirs(batch)
        scale, zero_point = theirs.calculate_qparams()
        got = watched(ours, batches).qparams()
        assert got.scale.item() == pytest.approx(scale.item(), rel=1e-6)
        assert got.zero_point.item() == zero_point.item()


def test_min_max_per_channel_equals_torch_ao_s(randn):
    batches = [randn(4, 30, seed=seed) * torch.tensor([1.0, 0.0, 5.0, 0.1])[:, None] for seed in range(3)]
    theirs = ao.PerChannelMinMaxObserver(ch_axis=0, dtype=torch.qint8, qscheme=torch.per_channel_affine)
    for batch in batches:
        theirs(batch)
    scale, zero_point = theirs.calculate_qparams()
    got = watched(MinMax(axis=0), batches).qparams()
    assert torch.allclose(got.scale, scale)
    assert torch.equal(got.zero_point, zero_point.long())


def test_min_max_remembers_every_batch():
    observer = watched(MinMax(), [torch.tensor([-3.0, 1.0]), torch.tensor([0.0, 2.0])])
    assert [end.item() for end in observer.range()] == [-3.0, 2.0]


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.integers(2, 300))
@settings(deadline=None, max_examples=50)
def test_a_histogram_is_the_same_in_whatever_order_the_data_comes(randn, seed, size, bins):
    x = randn(500, seed=seed, dtype=torch.float64) ** 3 * size
    whole, pieces = Counts(bins), Counts(bins)
    whole.add(x)
    for piece in x[torch.randperm(500, generator=torch.Generator().manual_seed(seed))].split(37):
        pieces.add(piece)
    assert whole.counts.sum() == 500
    # One batch may begin with a finer width; as soon as the pieces have grown as far they must agree.
    assert len(whole.counts) <= bins
    assert len(pieces.counts) <= bins
    assert pieces.exponent in (whole.exponent, whole.exponent + 1, whole.exponent - 1)
    if pieces.exponent == whole.exponent:
        assert torch.equal(pieces.counts, whole.counts)
        assert torch.equal(pieces.edges(), whole.edges())


def test_the_expected_error_is_the_error():
    x = samples("gaussian", size=200_000).double()
    counts = Counts(4096)
    counts.add(x)
    for low, high in [(-4.0, 4.0), (-1.0, 2.0), (0.0, 3.0)]:
        ends = (torch.tensor([end], dtype=torch.float64) for end in (low, high))
        scale, zero_point = affine_qparams(*ends, -8, 7)
        bottom, top = (-8 - zero_point).double(), (7 - zero_point).double()
        predicted = expected_error(counts.edges(), counts.counts, scale, bottom, top)
        measured = error_of(x, (scale[0], zero_point[0]), -8, 7) / x.numel()
        assert predicted.item() == pytest.approx(measured, rel=0.003)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_histogram_s_error_is_at_most_that_of_torch_ao(kind, symmetric):
    x = samples(kind)
    scheme = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    theirs = ao.HistogramObserver(dtype=torch.qint8, qscheme=scheme)
    ours = Histogram(symmetric=symmetric)
    for batch in x.split(5000):
        theirs(batch)
        ours.observe(batch)
    scale, zero_point = theirs.calculate_qparams()
    assert error_of(x, ours.qparams()) <= 1.02 * error_of(x, (scale.item(), zero_point.item()))


@pytest.mark.parametrize("bits", [3, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_no_range_on_a_grid_is_much_better_than_histogram_s(kind, bits):
    x, qmin, qmax = samples(kind), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    found = error_of(x, watched(Histogram(qmin, qmax), [x]).qparams(), qmin, qmax)
    low, high = min(x.min().item(), 0.0), max(x.max().item(), 0.0)
    fractions = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.03]
    tried = [
        error_of(x, affine_qparams(a * low, b * high, qmin, qmax), qmin, qmax)
        for a in (fractions if low < 0 else [1.0])
        for b in fractions
    ]
    assert found <= 1.01 * min(tried)


def test_percentiles_are_those_of_the_data():
    x = samples("lognormal")
    low, high = watched(Percentile(percentile=98.0), x.split(3000)).range()
    # A bin is at least 1/2048 of the range wide.
    assert low.item() == pytest.approx(x.quantile(0.01).item(), abs=0.05)
    assert high.item() == pytest.approx(x.quantile(0.99).item(), abs=0.05)
    _, limit = watched(Percentile(percentile=98.0, symmetric=True), [x - 1]).range()
    assert limit.item() == pytest.approx((x - 1).abs().quantile(0.98).item(), abs=0.05)


def test_entropy_clips_outliers_and_leaves_a_uniform_distribution_alone():
    _, high = watched(Entropy(symmetric=True), [samples("two outliers")]).range()
    assert 3 < high.item() < 20
    _, high = watched(Entropy(symmetric=True), [samples("uniform")]).range()
    assert high.item() > 0.95


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", ALL)
def test_every_observer_s_int8_is_of_use(make, kind):
    x = samples(kind)
    observer = watched(make(), [x])
    scale, zero_point = observer.qparams()
    assert scale > 0
    assert error_of(x, (scale, zero_point)) < 0.5 * float((x**2).sum())


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("make", ALL)
def test_a_dead_tensor_keeps_its_zeros(make, symmetric):
    x = torch.zeros(10)
    scale, zero_point = watched(make(symmetric=symmetric), [x, x]).qparams()
    assert torch.equal(fake_quantize(x, scale, zero_point, -128, 127), x)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("value", [3.0, -0.2])
def test_a_constant_is_reproduced(make, value):
    x = torch.full((10,), value)
    scale, zero_point = watched(make(), [x]).qparams()
    assert torch.allclose(fake_quantize(x, scale, zero_point, -128, 127), x, rtol=1e-2)


@pytest.mark.parametrize("make", ALL)
def test_no_calibration_is_one_clear_sentence(make):
    for ask in (make().qparams, make().range):
        with pytest.raises(RuntimeError) as caught:
            ask()
        assert str(caught.value) == (
            f"{make.__name__} has observed nothing yet: call observe(x) on calibration data first."
        )


@pytest.mark.parametrize("make", ALL)
def test_what_cannot_be_observed(make):
    observer = make()
    for x, sentence in [
        (torch.tensor([1.0, float("inf")]), "x must be finite, got inf at index [1]."),
        (torch.zeros(0), "x must not be empty, got shape [0]."),
    ]:
        with pytest.raises(ValueError, match=r"^x must") as caught:
            observer.observe(x)
        assert str(caught.value) == sentence
    with pytest.raises(RuntimeError):  # nothing of it was taken note of
        observer.qparams()


def test_arguments_of_observers():
    with pytest.raises(
        ValueError, match=r"symmetric codes need a negative half, got qmin = 0 and qmax = 255"
    ):
        MinMax(0, 255, symmetric=True)
    with pytest.raises(ValueError, match="percentile must be from 50 to 100, got 0"):
        Percentile(percentile=0.1)
    with pytest.raises(ValueError, match="averaging must be at most 1, got 2"):
        MovingAverage(averaging=2.0)
    observer = watched(MinMax(axis=0), [torch.zeros(3, 2)])
    with pytest.raises(ValueError, match="x must have the 3 channels of the batches before, got 4"):
        observer.observe(torch.zeros(4, 2))
