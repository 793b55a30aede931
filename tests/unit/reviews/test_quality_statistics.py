"""Each figure against a published example, and against what it must do at its edges.

J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76
(1971) 378-382, doi:10.1037/h0031619. R. G. Newcombe, "Two-sided confidence intervals for the single
proportion: comparison of seven methods", Statistics in Medicine 17 (1998) 857-872.
"""

import math

import pytest

from reviews.quality.statistics import (
    Band,
    brier_score,
    cohen_kappa,
    expected_calibration_error,
    fleiss_kappa,
    population_stability,
    smirnov,
    smirnov_p,
    wilson,
)

# Fleiss (1971), table 1: 30 patients, each diagnosed by 6 psychiatrists as depression,
# personality disorder, schizophrenia, neurosis or other.
PSYCHIATRIC = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 "
    "10050 11040 03300 10050 02031 00501 30012 51000 02040 10203 "
    "00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)


def from_rows(*rows: tuple[int, ...]) -> dict[tuple[str, str], int]:
    return {(str(i), str(j)): n for i, row in enumerate(rows) for j, n in enumerate(row)}


def test_fleiss_kappa_of_the_psychiatric_diagnoses_of_1971() -> None:
    found = fleiss_kappa([dict(enumerate_as_text(row)) for row in PSYCHIATRIC.split()])
    assert found is not None
    assert found.observed == pytest.approx(0.556, abs=0.0005)
    assert found.expected == pytest.approx(0.220, abs=0.0005)
    assert found.kappa == pytest.approx(0.430, abs=0.0005)


def enumerate_as_text(row: str) -> list[tuple[str, int]]:
    return [(str(place), int(digit)) for place, digit in enumerate(row)]


def test_fleiss_kappa_of_the_fourteen_raters_example() -> None:
    # Wikipedia, "Fleiss' kappa", worked example: ten subjects, fourteen raters, five categories.
    rows = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    found = fleiss_kappa([{str(i): n for i, n in enumerate(row)} for row in rows])
    assert found is not None
    assert found.kappa == pytest.approx(0.210, abs=0.0005)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        # Fleiss, Levin and Paik (2003), table 18.1: two raters, 100 subjects.
        (from_rows((75, 1, 4), (5, 4, 1), (0, 0, 10)), 0.676),
        # Wikipedia, "Cohen's kappa", simple example: 50 proposals, read by two people.
        (from_rows((20, 5), (10, 15)), 0.400),
        # The same article, "Same percentages but different numbers".
        (from_rows((45, 15), (25, 15)), 0.1304),
        (from_rows((25, 35), (5, 35)), 0.2593),
    ],
)
def test_cohen_kappa_of_textbook_tables(table: dict[tuple[str, str], int], kappa: float) -> None:
    found = cohen_kappa(table)
    assert found is not None
    assert found.kappa == pytest.approx(kappa, abs=0.0005)


def test_the_standard_error_of_fleiss_cohen_and_everitt() -> None:
    # Fleiss, Cohen and Everitt (1969): 200 subjects, kappa 0.429 with variance 0.002885.
    found = cohen_kappa(from_rows((106, 10, 4), (22, 28, 10), (2, 12, 6)))
    assert found is not None
    assert found.interval is not None
    assert found.kappa == pytest.approx(0.429, abs=0.0005)
    half = (found.interval.high - found.interval.low) / 2
    assert (half / 1.959964) ** 2 == pytest.approx(0.002885, abs=5e-7)


def test_perfect_agreement_is_one_and_agreement_by_chance_is_zero() -> None:
    assert cohen_kappa(from_rows((5, 0), (0, 5))).kappa == 1
    assert cohen_kappa(from_rows((5, 5), (5, 5))).kappa == 0


def test_kappa_is_undefined_where_a_rater_always_gives_the_same_answer() -> None:
    found = cohen_kappa({("approved", "approved"): 9})
    assert found is not None
    assert (found.observed, found.kappa) == (1, None)
    assert fleiss_kappa([{"approved": 3}] * 4).kappa is None


def test_without_data_there_is_no_figure() -> None:
    assert cohen_kappa({}) is None
    assert fleiss_kappa([]) is None
    assert fleiss_kappa([{"approved": 1}]) is None
    assert wilson(0, 0) is None
    assert expected_calibration_error([]) is None
    assert brier_score(0, 0) is None
    assert population_stability([0, 0], [1, 2]) is None
    assert smirnov([1, 2], [0, 0]) is None


def test_fleiss_kappa_refuses_subjects_with_unequal_ratings() -> None:
    with pytest.raises(ValueError, match=r"\[2, 3\]"):
        fleiss_kappa([{"a": 2}, {"a": 1, "b": 2}])


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # Newcombe (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_of_newcombe(hits: int, count: int, low: float, high: float) -> None:
    found = wilson(hits, count)
    assert found is not None
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_brier_score_of_brier_s_own_ten_forecasts() -> None:
    # Brier (1950), table 1: the score over both classes is 0.19, so half of it is ours.
    forecasts = [0.7, 0.9, 0.8, 0.4, 0.2, 0, 0, 0, 0, 0.1]
    rain = [0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    squares = sum((f - r) ** 2 for f, r in zip(forecasts, rain, strict=True))
    assert 2 * brier_score(squares, 10) == pytest.approx(0.19)  # type: ignore[operator]


def test_calibration_error_weighs_each_gap_by_its_count() -> None:
    # Nine predictions in five bands, after the visual explanation that is often cited: 0.10444.
    bands = [
        Band(0.4, 0.6, 2, (0.58 + 0.51) / 2, 1),
        Band(0.6, 0.8, 4, (0.78 + 0.64 + 0.70 + 0.63) / 4, 3),
        Band(0.8, 1.0, 3, (0.92 + 0.85 + 0.83) / 3, 2),
    ]
    assert expected_calibration_error(bands) == pytest.approx(0.10444, abs=5e-6)


def test_population_stability_of_three_income_classes() -> None:
    # Expected 40, 30, 30 %; observed 35, 25, 40 %: 0.0067 + 0.0091 + 0.0288.
    assert population_stability([40, 30, 30], [35, 25, 40]) == pytest.approx(0.0446, abs=5e-5)


def test_stability_is_zero_for_the_same_and_symmetric_and_finite() -> None:
    assert population_stability([10, 20, 30], [1, 2, 3]) == pytest.approx(0)
    there = population_stability([10, 20], [20, 10])
    assert there == pytest.approx(population_stability([20, 10], [10, 20]))
    assert math.isfinite(population_stability([0, 30], [30, 0]) or math.inf)


@pytest.mark.parametrize(
    ("z", "below"),
    # Smirnov (1948), table: L(z), the limiting distribution.
    [(0.50, 0.036055), (0.83, 0.503808), (1.00, 0.730000), (1.36, 0.950512)],
)
def test_the_limiting_distribution_of_smirnov_s_table(z: float, below: float) -> None:
    assert 1 - smirnov_p(z) == pytest.approx(below, abs=5e-5)


def test_smirnov_s_distance_is_the_largest_gap_of_the_cumulated_shares() -> None:
    found = smirnov([5, 5, 0], [0, 5, 5])
    assert found is not None
    assert found[0] == pytest.approx(0.5)
    same = smirnov([1, 2, 3], [10, 20, 30])
    assert same is not None
    assert same[0] == pytest.approx(0)
    assert same[1] == 1
