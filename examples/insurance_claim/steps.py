"""The functions that the insurance claim flow calls. STEP_MODULES allows this module."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from examples.insurance_claim import rules
from examples.keywords import Reason
from flows.steps.base import StepContext
from flows.steps.python import step


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


Day = Annotated[str, AfterValidator(_day)]
Amount = Annotated[float, Field(ge=0, le=10_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Cause = Literal["fire", "water", "theft", "storm", "breakage", "wear"]


@with_config(ConfigDict(extra="ignore"))
class Policy(TypedDict):
    number: str
    start: Day
    end: Day
    limit: Amount
    deductible: Amount
    covers: list[str]


@with_config(ConfigDict(extra="ignore"))
class Incident(TypedDict):
    date: Day
    reported: Day
    cause: Cause
    police_report: bool


@with_config(ConfigDict(extra="ignore"))
class Item(TypedDict):
    name: str
    category: str
    price: Amount
    age_years: Annotated[float, Field(ge=0, le=200)]
    receipt: bool


@with_config(ConfigDict(extra="ignore"))
class EarlierClaim(TypedDict):
    date: Day
    amount: Amount


@with_config(ConfigDict(extra="ignore"))
class Correction(TypedDict):
    """A field that an adjuster changed."""

    field: str
    new: Any


class Facts(TypedDict):
    claimed: Amount
    reported_after_days: int
    policy_age_days: int
    claims_in_a_year: int
    round_prices: bool


class Prepared(TypedDict):
    """The incident with corrections; ``agreed`` is the amount that an adjuster set, or None."""

    incident: dict[str, Any]
    agreed: float | None


class Cover(TypedDict):
    covered: bool
    flags: list[rules.Flag]


class Damage(TypedDict):
    """``confidence`` is the share of the estimate that receipts prove; the case shows ``rows``."""

    amount: Amount
    confidence: Share
    rows: list[list[str]]


class Settlement(TypedDict):
    """``reasons`` tell which share of the damage is paid, and why the rest is not."""

    payable: Amount
    reasons: list[Reason]


class Payment(TypedDict):
    reference: str
    amount: Amount


@step
def register(
    policy: Policy, incident: Incident, items: list[Item], earlier: list[EarlierClaim]
) -> Facts:
    """Compute what no correction changes: the sum claimed, numbers of days, odd prices."""
    return Facts(
        claimed=round(sum(item["price"] for item in items), 2),
        reported_after_days=rules.days_between(incident["date"], incident["reported"]),
        policy_age_days=rules.days_between(policy["start"], incident["date"]),
        claims_in_a_year=rules.claims_before(earlier, incident["date"]),
        round_prices=rules.are_round([item["price"] for item in items]),
    )


@step
def prepare(
    incident: dict[str, Any], agreed: float | None, corrections: list[Correction]
) -> Prepared:
    """Put in what an adjuster corrected, such as the cause or the amount of the damage."""
    changes = {each["field"]: each["new"] for each in corrections}
    agreed = changes.get("damage", agreed)
    kept = {key: changes[key] for key in ("cause", "police_report") if key in changes}
    return Prepared(incident=incident | kept, agreed=None if agreed is None else float(agreed))


@step
def cover(policy: Policy, incident: Incident) -> Cover:
    """Tell whether the policy was in force and covers the cause."""
    flags = rules.cover_flags(policy, incident["date"], incident["cause"])
    return Cover(covered=not flags, flags=flags)


@step
def damage(items: list[Item], agreed: float | None) -> Damage:
    """Estimate the damage by the depreciated price of each thing, unless an amount is agreed."""
    rows: list[list[str]] = []
    total = proved = 0.0
    for item in items:
        worth = rules.worth(item["price"], item["category"], item["age_years"])
        total += worth
        proved += worth if item["receipt"] else 0
        shown = "yes" if item["receipt"] else "no"
        price, age = f"{item['price']:,.2f}", f"{item['age_years']:g}"
        rows.append([item["name"], item["category"], price, age, shown, f"{worth:,.2f}"])
    if agreed is not None:
        return Damage(amount=agreed, confidence=1.0, rows=rows)
    share = round(proved / total, 2) if total else 0.0
    return Damage(amount=round(total, 2), confidence=share, rows=rows)


@step
def settlement(policy: Policy, covered: bool, damage: Amount) -> Settlement:
    """Compute what the policy pays: the damage up to the limit, less the deductible."""
    within = min(damage, policy["limit"])
    payable = round(max(0.0, within - policy["deductible"]), 2) if covered else 0.0
    whole = damage or 1.0
    parts = [
        ("Damage", damage, damage / whole),
        ("Above the limit", damage - within, (within - damage) / whole),
        ("Deductible", policy["deductible"], -min(policy["deductible"], within) / whole),
    ]
    reasons = [
        Reason(label=label, value=f"{amount:,.2f} EUR", contribution=round(share, 2))
        for label, amount, share in parts
        if amount
    ]
    return Settlement(payable=payable, reasons=reasons)


@step
def pay(claim: str, amount: Amount, ctx: StepContext) -> Payment:
    """Return the payment order. Its reference is the same in each attempt."""
    return Payment(reference=f"{claim}-{ctx.run_id}", amount=amount)
