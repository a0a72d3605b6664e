"""The traps of comparing: each of these has let wrong answers through somewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autograder import compare
from autograder.case import Case
from autograder.observation import Observation

finite = arrays(float, array_shapes(max_dims=2), elements=st.floats(-1e6, 1e6))


@pytest.mark.parametrize(
    ("got", "want", "tolerance"),
    [
        (np.zeros((0,)), np.zeros((0,)), 1.0),  # allclose of nothing is true
        (np.array([np.nan]), np.array([1.0]), 1.0),  # not (err > tol) is true
        (np.array([np.nan]), np.array([np.nan]), 1.0),
        (np.array([np.inf]), np.array([np.inf]), 1.0),
        (np.array([1.0]), np.array([np.inf]), np.inf),
        (np.array([5.0]), np.array([1.0]), np.inf),
        (np.array([5.0]), np.array([1.0]), np.nan),
        (np.ones((1, 3)), np.ones(3), 1.0),  # would broadcast
        (np.array(1.0), np.ones(3), 1.0),
        (np.ones((3, 1)), np.ones((3, 3)), 1.0),
        (np.array([2**53 + 1]), np.array([2**53]), 0.5),  # equal as floats
        (np.array([True]), np.array([False]), 0.0),
    ],
)
def test_what_is_not_the_same(got, want, tolerance):
    assert not compare.same(got, want, tolerance)


@given(finite)
def test_everything_is_the_same_as_itself(array):
    assert compare.same(array, array.copy(), 0.0)


@given(finite, st.floats(1e-6, 1e3), st.sampled_from([0.5, 2.0]))
def test_the_tolerance_is_absolute(array, tolerance, factor):
    moved = array.copy()
    moved.flat[0] += factor * tolerance
    assert compare.same(moved, array, tolerance) == (abs(moved.flat[0] - array.flat[0]) <= tolerance)


@pytest.mark.parametrize(
    ("got", "want", "alike"),
    [
        ([np.nan, 1.0], [np.nan, 1.0], True),
        ([np.inf, 1.0], [np.inf, 1.0], True),
        ([np.nan, 1.0], [np.inf, 1.0], False),
        ([np.inf, 1.0], [-np.inf, 1.0], False),
        ([np.nan, 1.0], [1.0, np.nan], False),
        ([np.nan, 1.0], [np.nan, 2.0], False),
        ([np.nan], [np.nan], True),
        ([[1.0]], [1.0], False),
    ],
)
def test_the_fingerprint_of_a_mistake_has_its_kind_of_infinities(got, want, alike):
    assert compare.same_fingerprint(np.array(got), np.array(want), 1e-6) is alike


def run(function):
    return lambda case: Observation({"value": np.asarray(function(**case.inputs))})


def tolerance(function, inputs, exact=False, **described):
    case = Case("", inputs)
    wanted = run(function)(case)
    wanted.dtypes.update(described)
    return compare.tolerances(run(function), case, wanted, exact)["value"]


def test_a_tolerance_is_a_few_roundings():
    x = np.linspace(1, 2, 16)
    assert 1e-15 < tolerance(lambda x: 3 * x, {"x": x}) < 1e-12
    assert 1e-6 < tolerance(lambda x: 3 * x, {"x": x.astype(np.float32)}) < 1e-3


def test_an_ill_conditioned_result_is_given_more():
    x = np.array([1.0])
    assert tolerance(lambda x: (1e8 + x) - 1e8 * x, {"x": x}) > 1e4 * tolerance(lambda x: x, {"x": x})


def test_the_precision_of_the_result_counts_too():
    coarse = tolerance(lambda: np.float32(1) / np.float32(3), {}, value="float32")
    assert 1e-7 < coarse < 1e-4
    assert tolerance(lambda: np.float32(1), {}, value="bfloat16") > 1e-2


def test_whole_numbers_have_no_tolerance():
    assert tolerance(lambda x: np.round(x).astype(int), {"x": np.array([0.5])}) == 0.0


def test_where_rounding_flips_a_choice_exact_allows_no_more():
    half = {"x": np.array([0.5, 1.5])}  # a perturbation would turn round(x) upside down
    assert tolerance(lambda x: np.round(x), half) > 1
    assert tolerance(lambda x: np.round(x), half, exact=True) <= 1e-6


def test_a_tolerance_never_depends_on_the_answer():
    wanted = np.array([1.0, 2.0])
    assert compare.rescaled(1e-9, wanted, np.array([0.1, np.inf])) == 1e-9
    assert compare.rescaled(1e-9, wanted, np.array([200.0, np.nan])) == pytest.approx(1e-7)
