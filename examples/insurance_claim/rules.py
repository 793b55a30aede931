"""The rules of the insurance claim flow: cover and depreciation. Pure. Signs of fraud are a table.

They are made up for the example; no insurer uses them. Amounts are in EUR.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from typing_extensions import TypedDict

# The years after which a thing is worth no more than the remainder.
LIFE_YEARS: Mapping[str, int] = {
    "electronics": 5, "furniture": 10, "clothing": 3, "bicycle": 8, "other": 5,
}  # fmt: skip
REMAINDER = 0.1
YEAR_DAYS = 365
MANY_ITEMS = 3


class Flag(TypedDict):
    """What a rule found, as a case shows it."""

    label: str
    level: Literal["info", "warning", "critical"]
    detail: str


def days_between(earlier: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def worth(price: float, category: str, age_years: float) -> float:
    """Return what a thing was worth, by straight-line depreciation down to the remainder."""
    life = LIFE_YEARS.get(category, LIFE_YEARS["other"])
    return round(price * max(REMAINDER, 1 - age_years / life), 2)


def cover_flags(policy: Mapping[str, Any], incident_on: str, cause: str) -> list[Flag]:
    flags: list[Flag] = []
    if not policy["start"] <= incident_on <= policy["end"]:
        detail = (
            f"It runs from {policy['start']} to {policy['end']}, the damage was on {incident_on}."
        )
        flags.append(Flag(label="Policy not in force", level="critical", detail=detail))
    if cause not in policy["covers"]:
        detail = f"The policy covers {', '.join(policy['covers'])}, not {cause.replace('_', ' ')}."
        flags.append(Flag(label="Cause not covered", level="critical", detail=detail))
    return flags


def are_round(prices: Sequence[float]) -> bool:
    """Return whether there are many prices, and each is a multiple of 100."""
    return len(prices) >= MANY_ITEMS and all(price % 100 == 0 for price in prices)


def claims_before(claims: Sequence[Mapping[str, Any]], incident_on: str) -> int:
    """Return how many claims there were in the year before the damage."""
    ages = [days_between(each["date"], incident_on) for each in claims]
    return len([age for age in ages if 0 <= age <= YEAR_DAYS])
