"""The sums of a cutoff; static/flows/lab-sums.js is held to the same vectors by tests/js."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.lab.estimate import estimate
from flows.lab.evidence import Evidence, Point
from flows.lab.thresholds import Threshold

VECTORS: Any = json.loads(
    (Path(__file__).parents[2] / "vectors" / "lab" / "cutoffs.json").read_text()
)


@pytest.mark.parametrize("expected", VECTORS["expected"], ids=lambda each: str(each["at"]))
def test_the_estimates_are_those_of_the_shared_vectors(expected: dict[str, float]) -> None:
    data = VECTORS["data"]
    points = [
        Point(n, value, port_if, port_else, decided, "", went)
        for n, (value, port_if, port_else, went, decided) in enumerate(data["points"])
    ]
    evidence = Evidence(points, frozenset(data["people"]), data["usual"])
    threshold = Threshold("s", 0, 0, "v", data["sign"], 0, (0, 0), "", "yes")
    made = estimate(evidence, threshold, expected["at"], minutes_each=data["minutes"])
    for name, value in expected.items():
        assert getattr(made, name) == pytest.approx(value, abs=1e-9), name
