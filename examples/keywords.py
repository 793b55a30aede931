"""Sort a text into kinds by the phrases in it, and give the evidence. Pure.

It stands in for a model and needs nothing installed. Its weights are set by hand and explain each
answer; a step that calls a real model returns the same form.
"""

import re
from collections.abc import Mapping

from typing_extensions import TypedDict

# The weight of each kind before any phrase is found, so that one weak phrase gives no certainty.
PRIOR = 0.25
Phrases = Mapping[str, Mapping[str, float]]


class Reason(TypedDict):
    """Evidence, as a case shows it. A positive contribution speaks for the chosen kind."""

    label: str
    value: str
    contribution: float


class Sorted(TypedDict):
    """``confidence`` is the kind's share of the evidence, 0 to 1. It is no measured probability."""

    kind: str
    confidence: float
    reasons: list[Reason]


def find_phrases(text: str, phrases: Mapping[str, float]) -> dict[str, float]:
    """Return the phrases that the text contains as whole words, each once, with their weights."""
    words = " ".join(re.findall(r"\w+", text.lower()))
    plain = {phrase: " ".join(re.findall(r"\w+", phrase.lower())) for phrase in phrases}
    return {phrase: phrases[phrase] for phrase in phrases if f" {plain[phrase]} " in f" {words} "}


def sort_text(text: str, kinds: Phrases, otherwise: str) -> Sorted:
    """Choose the kind with the most evidence; without any, ``otherwise`` with its prior share.

    The confidence is (weight of the kind + prior) / (weight of all + prior for each kind). So it is
    low where the text speaks for two kinds, and where it says little.
    """
    found = {kind: find_phrases(text, phrases) for kind, phrases in kinds.items()}
    weights = {kind: sum(matched.values()) for kind, matched in found.items()}
    best = max(weights, key=lambda kind: weights[kind])
    total = sum(weights.values()) + PRIOR * len(kinds)
    if not weights[best]:
        return Sorted(kind=otherwise, confidence=round(PRIOR / total, 2), reasons=[])
    confidence = round((weights[best] + PRIOR) / total, 2)
    return Sorted(kind=best, confidence=confidence, reasons=_list_reasons(found, best))


def _list_reasons(found: Phrases, best: str) -> list[Reason]:
    """Return the eight strongest phrases, for and against the chosen kind."""
    reasons = [
        Reason(
            label=f"“{phrase}”",
            value=kind.replace("_", " "),
            contribution=weight if kind == best else -weight,
        )
        for kind, matched in found.items()
        for phrase, weight in matched.items()
    ]
    return sorted(reasons, key=lambda reason: -abs(reason["contribution"]))[:8]
