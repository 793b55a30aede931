"""Whether an answer holds far more than was asked for: records, or people's data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.guards.personal import PersonalRule, find_personal
from flows.guards.places import Leaf

Json = Any
_ROW = re.compile(r"^[^|,;\t\n]{0,200}(?:[|,;\t][^|,;\t\n]{0,200}){2,30}$")


@dataclass(frozen=True, slots=True)
class ExtractionRule:
    """How many records and how many different personal data an answer may hold."""

    most_records: int = 20
    most_personal: int = 10


@dataclass(frozen=True, slots=True)
class TooMuch:
    """What there is too much of."""

    rule: str
    count: int
    most: int
    score: float

    @property
    def message(self) -> str:
        what = "records" if self.rule.endswith("records") else "different personal data"
        return f"It holds {self.count:,} {what}; at most {self.most:,} were asked for."


def find_extractions(value: Json, leaves: Sequence[Leaf], rule: ExtractionRule) -> list[TooMuch]:
    """Return what the value holds too much of."""
    records = max(count_records(value), max((_count_rows(leaf.text) for leaf in leaves), default=0))
    found = []
    if records > rule.most_records:
        found.append(_too_much("extraction.records", records, rule.most_records))
    personal = _count_personal(leaves)
    if personal > rule.most_personal:
        found.append(_too_much("extraction.personal", personal, rule.most_personal))
    return found


def _too_much(rule: str, count: int, most: int) -> TooMuch:
    # One too many is a doubt, twice as many are none.
    return TooMuch(
        rule, count, most, round(min(0.99, 0.5 + 0.5 * (count - most) / max(most, 1)), 3)
    )


def count_records(value: Json) -> int:
    """Return how many objects the longest list of objects in the value has."""
    most, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list | tuple):
            most = max(most, sum(isinstance(item, Mapping | list) for item in each))
            waiting += each
    return most


def _count_rows(text: str) -> int:
    """Return how many lines of a text look like rows of a table or like JSON objects."""
    if "\n" not in text:
        return text.count("},{") + text.count("}, {") + 1 if "},{" in text or "}, {" in text else 0
    return sum(
        bool(_ROW.match(line)) or line.lstrip().startswith("{")
        for line in text.splitlines()
        if line.strip() and len(line) < 2_000  # noqa: PLR2004
    )


def _count_personal(leaves: Sequence[Leaf]) -> int:
    rule, found = PersonalRule(), set()
    for leaf in leaves:
        for hit in find_personal(leaf.text, rule):
            if hit.score >= 0.5:  # noqa: PLR2004
                found.add((hit.kind, leaf.text[hit.start : hit.end].lower()))
    return len(found)
