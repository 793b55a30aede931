"""PSI, KS and tails: known values, plain counts, samples without a shift."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.contracts.shifts import (
    chance_of_so_many,
    ks_chance,
    ks_distance,
    psi,
    psi_by_chance,
)

SMALL = st.lists(st.integers(0, 12), min_size=1, max_size=40)
COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=12)


def test_psi_of_large_counts_is_that_of_the_formula() -> None:
    plain = (0.3 - 0.5) * math.log(0.3 / 0.5) + (0.7 - 0.5) * math.log(0.7 / 0.5)
    assert psi([500_000, 500_000], [300_000, 700_000]) == pytest.approx(plain, abs=1e-5)
    assert plain == pytest.approx(0.16946, abs=1e-5)


@given(COUNTS, st.data())
def test_psi_is_finite_never_negative_and_the_same_both_ways(
    first: list[int], data: st.DataObject
) -> None:
    second = data.draw(st.lists(st.integers(0, 500), min_size=len(first), max_size=len(first)))
    found = psi(first, second)
    assert math.isfinite(found)
    assert found >= 0
    assert found == pytest.approx(psi(second, first))


@given(COUNTS)
def test_psi_of_the_same_counts_is_nothing(counts: list[int]) -> None:
    assert psi(counts, counts) == pytest.approx(0)


def test_an_empty_cell_weighs_as_much_as_its_values_would() -> None:
    few, many = psi([50, 50, 0], [50, 50, 2]), psi([50, 50, 0], [50, 50, 40])
    assert 0 < few < 0.1 < many


def test_without_values_there_is_no_index_and_no_distance() -> None:
    assert psi([0, 0], [3, 4]) == 0
    assert ks_distance([], [1.0]) == 0
    assert ks_chance(0.5, 0, 10) == 1
    assert psi_by_chance(0, 10, 5) == math.inf
    assert psi_by_chance(10, 10, 1) == math.inf


@given(SMALL, SMALL)
def test_ks_is_the_largest_difference_by_plain_count(first: list[int], second: list[int]) -> None:
    plain = max(
        abs(sum(x <= at for x in first) / len(first) - sum(x <= at for x in second) / len(second))
        for at in {*first, *second}
    )
    assert ks_distance(first, second) == pytest.approx(plain)


def test_ks_and_its_chance_are_those_of_the_tables() -> None:
    """The 5 % point of the limit distribution is 1.358, the 1 % point 1.628 (Smirnov, 1948)."""
    assert ks_distance([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    n = 1_000_000
    root = math.sqrt(n / 2)
    assert ks_chance(1.358 / root, n, n) == pytest.approx(0.05, abs=2e-4)
    assert ks_chance(1.628 / root, n, n) == pytest.approx(0.01, abs=1e-4)
    assert ks_chance(0, 50, 50) == 1


@pytest.mark.parametrize(("cells", "quantile"), [(2, 3.841), (5, 9.488), (10, 16.919)])
def test_psi_by_chance_follows_the_chi_square_table(cells: int, quantile: float) -> None:
    found = psi_by_chance(200, 100, cells, seldom=0.05)
    assert found == pytest.approx(quantile * (1 / 200 + 1 / 100), rel=0.03)


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from((0.01, 0.1, 0.5, 0.9)))
def test_the_tail_is_that_of_a_plain_sum(count: int, of: int, share: float) -> None:
    plain = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))
    if count > of * share:
        assert chance_of_so_many(count, of, share) == pytest.approx(plain, rel=1e-9, abs=1e-300)
    else:
        assert chance_of_so_many(count, of, share) == 1


def test_where_nothing_is_allowed_one_is_too_many() -> None:
    assert chance_of_so_many(1, 1_000, 0) == 0
    assert chance_of_so_many(0, 1_000, 0) == 1


def test_samples_of_one_distribution_seldom_exceed_the_chance() -> None:
    """At 1 in 100, of 1,000 pairs no more than 30 exceed it; with ten cells and 80 values each."""
    random = Random(5)
    over = 0
    for _ in range(1_000):
        first, second = ([random.randrange(10) for _ in range(80)] for _ in range(2))
        pair = [[sample.count(cell) for cell in range(10)] for sample in (first, second)]
        over += psi(*pair) > psi_by_chance(80, 80, 10, seldom=0.01)
    assert over <= 30
