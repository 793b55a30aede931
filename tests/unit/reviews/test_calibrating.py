"""Calibration against a known truth: confidences that are miscalibrated on purpose."""

import math
import random
from itertools import pairwise

import pytest

from flows.steps.calibrated import calibrate
from reviews.quality.calibrating import (
    FEWEST,
    ISOTONIC_FROM,
    Decided,
    explain_too_few,
    fit,
    fit_isotonic,
    fit_platt,
    split,
)
from reviews.quality.selectors.calibration import compare_calibration


def decide(count: int, truth_of: "dict[str, float]", seed: int = 5) -> list[Decided]:
    """Make decisions whose chance of agreement is ``1 / (1 + exp(-(slope * logit + offset)))``."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        stated = chance.uniform(0.02, 0.98)
        real = true_share(stated, truth_of)
        found.append(Decided(number, stated, chance.random() < real))
    return found


def true_share(stated: float, truth_of: "dict[str, float]") -> float:
    logit = math.log(stated / (1 - stated))
    return 1 / (1 + math.exp(-(truth_of["slope"] * logit + truth_of["offset"])))


OVERCONFIDENT = {"slope": 0.4, "offset": -0.2}


def count_error(pairs: list[tuple[float, bool]]) -> float:
    """Return the expected calibration error over ten bands, counted plainly."""
    bands: list[list[tuple[float, bool]]] = [[] for _ in range(10)]
    for confidence, agreed in pairs:
        bands[min(int(confidence * 10), 9)].append((confidence, agreed))
    gaps = [
        abs(sum(agreed for _, agreed in band) - sum(confidence for confidence, _ in band))
        for band in bands
    ]
    return sum(gaps) / len(pairs)


@pytest.mark.parametrize("count", [300, 4_000])
def test_held_out_confidences_are_better_calibrated_and_the_errors_are_those_of_a_plain_count(
    count: int,
) -> None:
    decided = decide(count, OVERCONFIDENT)
    compared = compare_calibration(decided)
    assert compared.after is not None
    assert compared.before.error is not None
    assert compared.after.error is not None
    held_out = []
    for others, part in split(decided):
        points = fit(others).points
        held_out += [(calibrate(points, each.confidence), each.agreed) for each in part]
    stated = [(each.confidence, each.agreed) for each in decided]
    assert compared.before.error == pytest.approx(count_error(stated))
    assert compared.after.error == pytest.approx(count_error(held_out))
    assert compared.after.error < compared.before.error / 2
    assert compared.after.count == compared.before.count == count


@pytest.mark.parametrize(("count", "off_by"), [(800, 0.06), (20_000, 0.04)])
def test_what_is_fitted_is_near_the_truth(count: int, off_by: float) -> None:
    fitted = fit(decide(count, OVERCONFIDENT))
    assert fitted.method == ("isotonic" if count >= ISOTONIC_FROM else "platt")
    for stated in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert calibrate(fitted.points, stated) == pytest.approx(
            true_share(stated, OVERCONFIDENT), abs=off_by
        )


def test_each_decision_is_measured_on_once_and_never_fitted_to_there() -> None:
    decided = decide(500, OVERCONFIDENT)
    measured = [each for others, part in split(decided) for each in part]
    assert sorted(measured) == sorted(decided)
    assert all(not set(others) & set(part) for others, part in split(decided))


def test_pool_adjacent_violators_pools_what_falls() -> None:
    # 0, 1 | 1, 0 | 1 at rising confidences: the second and third fall and share a half.
    agreed = [False, True, False, True]
    decided = [Decided(n, (n + 1) / 10, each) for n, each in enumerate(agreed)]
    assert fit_isotonic(decided) == [(0.1, 0.0), (0.2, 0.5), (0.3, 0.5), (0.4, 1.0)]


def test_isotonic_regression_is_the_best_that_never_falls() -> None:
    # By force over all splits into runs: the least squares of any non-decreasing step function.
    chance = random.Random(2)
    for _ in range(30):
        hits = [chance.random() < 0.5 for _ in range(8)]
        decided = [Decided(n, n / 10, hit) for n, hit in enumerate(hits)]
        points = fit_isotonic(decided)
        loss = sum((calibrate(points, each.confidence) - each.agreed) ** 2 for each in decided)
        assert loss == pytest.approx(least_squares(hits), abs=1e-5)


def least_squares(hits: list[bool]) -> float:
    best = math.inf
    for cuts in range(2 ** (len(hits) - 1)):
        runs: list[list[bool]] = [[hits[0]]]
        for at, hit in enumerate(hits[1:]):
            if cuts >> at & 1:
                runs.append([hit])
            else:
                runs[-1].append(hit)
        means = [sum(run) / len(run) for run in runs]
        if all(low <= high for low, high in pairwise(means)):
            squares = (
                (mean - hit) ** 2 for run, mean in zip(runs, means, strict=True) for hit in run
            )
            best = min(best, sum(squares))
    return best


@pytest.mark.parametrize("fit_to", [fit_isotonic, fit_platt])
@pytest.mark.parametrize("truth_of", [OVERCONFIDENT, {"slope": -1.0, "offset": 0.0}])
def test_a_surer_answer_is_never_worth_less(fit_to: object, truth_of: dict[str, float]) -> None:
    assert callable(fit_to)
    points = fit_to(decide(400, truth_of))
    assert all(left[0] < right[0] and left[1] <= right[1] for left, right in pairwise(points))
    assert all(0 <= y <= 1 for _, y in points)


@pytest.mark.parametrize("stated", [0.0, 0.5, 1.0])
def test_confidences_that_are_all_the_same_are_fitted_to_how_often_people_agreed(
    stated: float,
) -> None:
    decided = [Decided(n, stated, n % 4 > 0) for n in range(100)]
    assert calibrate(fit_platt(decided), stated) == pytest.approx(0.75, abs=0.02)
    assert calibrate(fit_isotonic(decided), stated) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("count", "agreeing", "said"),
    [
        (FEWEST - 1, 20, f"There are {FEWEST - 1} decisions; {FEWEST} are needed."),
        (200, 198, "People disagreed fewer than 5 times: what is rare cannot be fitted."),
        (200, 2, "People agreed fewer than 5 times: what is rare cannot be fitted."),
        (200, 150, ""),
    ],
)
def test_too_few_decisions_are_told_and_not_fitted(count: int, agreeing: int, said: str) -> None:
    decided = [Decided(n, 0.8, n < agreeing) for n in range(count)]
    compared = compare_calibration(decided)
    assert explain_too_few(decided) == compared.too_few == said
    assert (compared.after is None) == bool(said)
