"""Compare what a model decides on 700 applications with what the scorecard decides here."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.models.factors import APPLICATIONS, CARD, list_applications

APPROVE, DECLINE = 0.87, 0.7
# The probability of "good", and the confidence.
Answer = tuple[float, float | None]


def decide(probability: float) -> str:
    if probability >= APPROVE:
        return "approve"
    return "decline" if probability < DECLINE else "refer"


def compare(ask: Callable[[dict[str, Any]], Answer]) -> tuple[Counter[str], float]:
    """Return how often each decision was made, and how far the furthest probability was off.

    All three decisions are made, and all 700 are those of the scorecard.
    """
    decided: Counter[str] = Counter()
    furthest = 0.0
    for values in list_applications():
        output, confidence, _ = CARD.predict(values)
        local = float(output[CARD.output])
        found, found_confidence = ask(values)
        assert found == pytest.approx(local, abs=1e-6)
        assert decide(found) == decide(local)
        assert found_confidence == pytest.approx(confidence, abs=1e-6)
        furthest = max(furthest, abs(found - local))
        decided[decide(found)] += 1
    assert decided.total() == APPLICATIONS
    assert len(decided) == 3, "each decision must be made"
    return decided, furthest
