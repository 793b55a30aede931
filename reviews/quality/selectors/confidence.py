"""Figures about the confidence that models state: calibration, versions and their shift."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Count, F, FloatField, Min, QuerySet, Sum
from django.db.models.functions import Cast, Floor

from reviews.models.quality import DecisionFact
from reviews.quality.figures import Calibration, Share, Version
from reviews.quality.statistics import (
    Band,
    Shift,
    brier_score,
    expected_calibration_error,
    population_stability,
    smirnov,
)

BANDS = 10
# Fine enough for Smirnov's distance, coarse enough to be few rows.
BUCKETS = 100


def count_by_confidence(facts: QuerySet[DecisionFact]) -> list[dict[str, Any]]:
    """Return counts by model, version, hundredth of confidence and agreement: one query.

    ``n`` is the count; ``c`` and ``cc`` are the sums of the confidences and of their squares, so
    that every figure about confidence is exact although no single decision was read.
    """
    bucket = Floor(Cast(F("confidence") * BUCKETS, FloatField()))
    rows = (
        facts.filter(confidence__isnull=False, agreed__isnull=False)
        .values("model", "model_version", "agreed", bucket=bucket)
        .annotate(
            n=Count("pk"),
            c=Sum("confidence"),
            cc=Sum(F("confidence") * F("confidence")),
            first_at=Min("at"),
        )
        .order_by()
    )
    return [{**row, "bucket": min(int(row["bucket"]), BUCKETS - 1)} for row in rows]


def calibrate(buckets: Sequence[Mapping[str, Any]]) -> Calibration:
    """Compare the stated confidence with how often reviewers agreed with the suggestion."""
    bands: dict[int, list[float]] = defaultdict(lambda: [0, 0.0, 0])
    squares = 0.0
    for row in buckets:
        band = bands[row["bucket"] * BANDS // BUCKETS]
        hits = row["n"] if row["agreed"] else 0
        band[0] += row["n"]
        band[1] += row["c"]
        band[2] += hits
        squares += row["cc"] - 2 * (row["c"] if row["agreed"] else 0) + hits
    found = [
        Band(number / BANDS, (number + 1) / BANDS, int(count), total / count, int(hits))
        for number, (count, total, hits) in sorted(bands.items())
    ]
    count = sum(band.count for band in found)
    return Calibration(found, expected_calibration_error(found), brier_score(squares, count))


def compare_versions(buckets: Sequence[Mapping[str, Any]]) -> list[Version]:
    """Return the versions of each model in the order of their first use, each with its shift."""
    by_version: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in buckets:
        by_version[row["model"], row["model_version"]].append(row)
    found = [_version(*name, rows) for name, rows in by_version.items() if name[0]]
    found.sort(key=lambda each: (each.model, each.first_at))
    previous: dict[str, Version] = {}
    compared = []
    for each in found:
        shift = _shift(previous[each.model], each) if each.model in previous else None
        previous[each.model] = each
        compared.append(replace(each, shift=shift))
    return compared


def _version(model: str, version: str, rows: Sequence[Mapping[str, Any]]) -> Version:
    histogram = [0] * BUCKETS
    for row in rows:
        histogram[row["bucket"]] += row["n"]
    count = sum(histogram)
    overridden = sum(row["n"] for row in rows if not row["agreed"])
    return Version(
        model,
        version,
        count,
        Share(overridden, count),
        sum(row["c"] for row in rows) / count,
        tuple(histogram),
        min(row["first_at"] for row in rows),
    )


def _shift(before: Version, after: Version) -> Shift | None:
    psi = population_stability(sum_by_band(before.histogram), sum_by_band(after.histogram))
    distance = smirnov(before.histogram, after.histogram)
    if psi is None or distance is None:
        return None
    return Shift(psi, distance[0], distance[1], before.decisions, after.decisions)


def sum_by_band(histogram: Sequence[int]) -> list[int]:
    """Return a histogram over BANDS, from one over BUCKETS."""
    width = BUCKETS // BANDS
    return [sum(histogram[start : start + width]) for start in range(0, BUCKETS, width)]
