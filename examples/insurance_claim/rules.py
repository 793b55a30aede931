"""The rules of the insurance claim flow: cover, depreciation, signs of fraud. Pure.

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
LATE_AFTER_DAYS, NEW_POLICY_DAYS, YEAR_DAYS = 30, 30, 365
MANY_CLAIMS = 2
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


def fraud_flags(
    incident: Mapping[str, Any], facts: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> list[Flag]:
    """Return what an investigator would look at first. None of it proves fraud."""
    flags: list[Flag] = []
    if facts["reported_after_days"] > LATE_AFTER_DAYS:
        detail = f"{facts['reported_after_days']} days after the damage."
        flags.append(Flag(label="Reported late", level="warning", detail=detail))
    if 0 <= facts["policy_age_days"] < NEW_POLICY_DAYS:
        detail = f"The policy was {facts['policy_age_days']} days old."
        flags.append(Flag(label="New policy", level="warning", detail=detail))
    if facts["claims_in_a_year"] >= MANY_CLAIMS:
        detail = f"{facts['claims_in_a_year']} other claims in the year before."
        flags.append(Flag(label="Many claims", level="warning", detail=detail))
    if incident["cause"] == "theft" and not incident["police_report"]:
        detail = "A theft must be reported to the police before it can be paid."
        flags.append(Flag(label="No police report", level="critical", detail=detail))
    if len(items) >= MANY_ITEMS and all(item["price"] % 100 == 0 for item in items):
        detail = "Every price is a multiple of 100 EUR."
        flags.append(Flag(label="Round prices only", level="info", detail=detail))
    return flags


def claims_before(claims: Sequence[Mapping[str, Any]], incident_on: str) -> int:
    """Return how many claims there were in the year before the damage."""
    ages = [days_between(each["date"], incident_on) for each in claims]
    return len([age for age in ages if 0 <= age <= YEAR_DAYS])
