"""Values drawn from a seed lie in their ranges, print as they are, and stay what they were."""

import math

from hypothesis import given
from hypothesis import strategies as st

from drills.drawing import draw
from drills.schema import Quantity

QUANTITIES = {
    "bits": Quantity(among=(4, 8, 16)),
    "N": Quantity(integers=(2, 5)),
    "x": Quantity(between=(-1.5, 2.5), digits=2),
    "tau": Quantity(between=(0.01, 100), log=True, digits=3),
    "v": Quantity(integers=(-9, 9), length=3),
}


def test_a_seed_gives_these_values():
    # Written down: a learner's session that was cut off must go on with the same numbers.
    assert draw(QUANTITIES, 1) == {"bits": 16, "N": 2, "x": -0.84, "tau": 0.163, "v": (3, -9, -3)}


@given(st.integers())
def test_every_value_is_in_its_range_and_short(seed):
    drawn = draw(QUANTITIES, seed)
    assert drawn["bits"] in (4, 8, 16)
    assert drawn["N"] in (2, 3, 4, 5)
    assert -1.5 <= drawn["x"] <= 2.5
    assert drawn["x"] == float(f"{drawn['x']:.1e}")
    assert 0.01 <= drawn["tau"] <= 100
    assert drawn["tau"] == float(f"{drawn['tau']:.2e}")
    assert len(drawn["v"]) == 3
    assert all(-9 <= entry <= 9 and entry.is_integer() for entry in drawn["v"])


def test_every_value_comes():
    drawn = [draw(QUANTITIES, seed) for seed in range(300)]
    assert {values["bits"] for values in drawn} == {4, 8, 16}
    assert {values["N"] for values in drawn} == {2, 3, 4, 5}
    assert {entry for values in drawn for entry in values["v"]} == set(range(-9, 10))


def test_a_logarithmic_range_is_even_in_its_logarithm():
    small = sum(draw(QUANTITIES, seed)["tau"] < 1 for seed in range(1000))
    assert abs(small - 500) < 4 * math.sqrt(250)


def test_rounding_stays_within_the_range():
    narrow = {"x": Quantity(between=(1.04, 1.06), digits=2)}
    assert all(1.04 <= draw(narrow, seed)["x"] <= 1.06 for seed in range(50))


@given(st.integers())
def test_a_name_more_changes_no_other(seed):
    fewer = {name: QUANTITIES[name] for name in ("N", "v")}
    assert draw(fewer, seed).items() <= draw(QUANTITIES, seed).items()
