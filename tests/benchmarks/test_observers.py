"""The benchmark calibrates both observers on the same data, and its error ratio is one of errors."""

import pytest

from benchmarks import observers


@pytest.mark.parametrize("symmetric", [False, True])
def test_both_sides_calibrate_and_our_error_is_no_larger(symmetric):
    for x in observers.data(20_000).values():
        batches = x.split(5000)
        for run in observers.contenders(batches, symmetric).values():
            scale, zero_point = run()
            assert scale > 0
            assert -128 <= zero_point <= 127
        assert 0.3 < observers.errors(x, batches, symmetric) <= 1.02
