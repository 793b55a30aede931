"""The rules of the consumer loan flow: affordability, and signs of fraud. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import TypedDict

from workbench.values.folding import fold

YEARLY_INTEREST = 0.09
# What a household needs before it can pay an instalment, in DM a month.
LIVING_COST, COST_OF_A_DEPENDANT, COST_OF_A_CREDIT = 900, 300, 200
HOUSING_COST: Mapping[str, int] = {"rent": 600, "own": 300, "free": 0}
HIGH_INSTALMENT = 700
HIGH_AMOUNT_WITHOUT_WORK = 4000
# The payslip may differ from the stated income by this share: overtime, rounding, a bonus.
INCOME_TOLERANCE = 0.15
LONGEST_FOR_GOODS_MONTHS = 48
GOODS = frozenset({"radio_tv", "appliances", "repairs"})


class Flag(TypedDict):
    """What a rule found, as a case shows it."""

    label: str
    level: Literal["info", "warning", "critical"]
    detail: str


def monthly_instalment(amount: float, months: int) -> float:
    """Return the instalment of an annuity loan with monthly interest, in DM."""
    rate = YEARLY_INTEREST / 12
    return round(amount * rate / (1 - (1 + rate) ** -months), 2)


def left_over(income: float, instalment: float, housing: str, dependants: int, loans: int) -> float:
    """Return what is left of the household's income each month, in DM."""
    needs = LIVING_COST + HOUSING_COST[housing] + COST_OF_A_DEPENDANT * (dependants - 1)
    return round(income - needs - COST_OF_A_CREDIT * (loans - 1) - instalment, 2)


def affordability_flags(
    application: Mapping[str, Any], instalment: float, left: float | None
) -> list[Flag]:
    flags: list[Flag] = []
    if left is not None and left < 0:
        detail = f"The household would be {-left:,.0f} DM short each month."
        flags.append(Flag(label="Not affordable on paper", level="critical", detail=detail))
    if left is None and instalment > HIGH_INSTALMENT:
        detail = f"{instalment:,.0f} DM a month, and no income is stated."
        flags.append(Flag(label="High instalment", level="warning", detail=detail))
    without_work = application["employed_since"] == "unemployed"
    if without_work and application["amount"] > HIGH_AMOUNT_WITHOUT_WORK:
        detail = f"Unemployed, and asks for more than {HIGH_AMOUNT_WITHOUT_WORK:,} DM."
        flags.append(Flag(label="Large loan without work", level="warning", detail=detail))
    return flags


def fraud_flags(application: Mapping[str, Any], documents: Mapping[str, Any]) -> list[Flag]:
    """Return contradictions inside the application, and between it and its documents."""
    flags: list[Flag] = []
    stated, shown = application.get("net_income"), documents["net_income"]
    if shown is None:
        detail = "No net pay was found on it: look at the document."
        flags.append(Flag(label="Payslip not legible", level="warning", detail=detail))
    elif stated and abs(shown - stated) > INCOME_TOLERANCE * stated:
        detail = f"Stated {stated:,.0f} DM, the payslip shows {shown:,.0f} DM."
        flags.append(Flag(label="Income differs", level="critical", detail=detail))
    if application.get("employer") and not _is_same(documents["employer"], application["employer"]):
        detail = f"Stated {application['employer']}, the payslip is from {documents['employer']}."
        flags.append(Flag(label="Employer differs", level="critical", detail=detail))
    months = application["duration_months"]
    if application["purpose"] in GOODS and months >= LONGEST_FOR_GOODS_MONTHS:
        detail = f"{months} months for goods that rarely last as long."
        flags.append(Flag(label="Term outlives the goods", level="warning", detail=detail))
    if application["checking_account"] == "overdrawn" and application["savings"] == "1000_or_more":
        detail = "The account is overdrawn although there are savings of 1,000 DM or more."
        flags.append(Flag(label="Contradictory finances", level="warning", detail=detail))
    return flags


def _is_same(read: str, stated: str) -> bool:
    """Return whether two names are one: a scan has spaces and accents that nobody wrote."""
    return "".join(fold(read).split()) == "".join(fold(stated).split())
