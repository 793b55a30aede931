"""Gower's distance, by hand."""

import pytest

from reviews.rules.similar import compute_ranges, find_nearest, measure_distance

ROWS = [
    {"amount": 1000, "purpose": "car"},
    {"amount": 3000, "purpose": "car"},
    {"amount": 5000, "purpose": "roof"},
]


def test_equal_cases_have_distance_zero_and_opposite_ones_distance_one() -> None:
    ranges = compute_ranges(ROWS)
    assert measure_distance(ROWS[0], dict(ROWS[0]), ranges) == 0
    assert measure_distance(ROWS[0], ROWS[2], ranges) == 1


def test_a_number_counts_by_its_range_and_a_word_whole() -> None:
    assert measure_distance(ROWS[0], ROWS[1], compute_ranges(ROWS)) == pytest.approx((0.5 + 0) / 2)


def test_a_field_that_one_case_lacks_does_not_count() -> None:
    assert (
        measure_distance({"amount": 1, "x": None}, {"amount": 1, "x": 9, "y": 2}, {"amount": 4})
        == 0
    )
    assert measure_distance({"a": 1}, {"b": 1}, {}) is None


def test_the_nearest_come_first() -> None:
    found = find_nearest({"amount": 2800, "purpose": "car"}, ROWS, 2)
    assert [each.index for each in found] == [1, 0]
    assert found[0].distance < found[1].distance


def test_true_does_not_count_as_a_number() -> None:
    assert measure_distance({"a": True}, {"a": 1}, {"a": 5}) == 0
    assert compute_ranges([{"a": True}, {"a": False}]) == {}
