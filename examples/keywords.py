"""Sort a text into kinds by the phrases in it, with the evidence for each answer. Pure.

A stand-in for a model that needs nothing installed: the weights are set by hand, the answer can be
read off them, and a step that calls a real model gives the same form.
"""

import re
from collections.abc import Mapping

from typing_extensions import TypedDict

# What each kind is given before any phrase is found: one weak phrase alone is not near certainty.
PRIOR = 0.25
Phrases = Mapping[str, Mapping[str, float]]


class Reason(TypedDict):
    """What moved the answer, as a case shows it. Positive speaks for the kind that was chosen."""

    label: str
    value: str
    contribution: float


class Sorted(TypedDict):
    """``confidence`` is the kind's share of the evidence, 0 to 1, and no measured probability."""

    kind: str
    confidence: float
    reasons: list[Reason]


def phrases_in(text: str, phrases: Mapping[str, float]) -> dict[str, float]:
    """Return the phrases that stand in the text as whole words. Repeating one adds nothing."""
    words = " ".join(re.findall(r"\w+", text.lower()))
    plain = {phrase: " ".join(re.findall(r"\w+", phrase.lower())) for phrase in phrases}
    return {phrase: phrases[phrase] for phrase in phrases if f" {plain[phrase]} " in f" {words} "}


def sort_text(text: str, kinds: Phrases, otherwise: str) -> Sorted:
    """Choose the kind with the most evidence; without any, ``otherwise`` with its prior share.

    The confidence is (weight of the kind + prior) / (weight of all + prior for each kind), so it
    falls where the text speaks for two kinds and where it says little.
    """
    found = {kind: phrases_in(text, phrases) for kind, phrases in kinds.items()}
    weights = {kind: sum(matched.values()) for kind, matched in found.items()}
    best = max(weights, key=lambda kind: weights[kind])
    total = sum(weights.values()) + PRIOR * len(kinds)
    if not weights[best]:
        return Sorted(kind=otherwise, confidence=round(PRIOR / total, 2), reasons=[])
    reasons = [
        Reason(
            label=f"“{phrase}”",
            value=kind.replace("_", " "),
            contribution=weight if kind == best else -weight,
        )
        for kind, matched in found.items()
        for phrase, weight in matched.items()
    ]
    reasons.sort(key=lambda reason: -abs(reason["contribution"]))
    return Sorted(
        kind=best, confidence=round((weights[best] + PRIOR) / total, 2), reasons=reasons[:8]
    )
