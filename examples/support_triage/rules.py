"""The rules of the support triage flow: topics, urgency, risks, prepared answers. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict

from examples.keywords import find_phrases

TOPICS: Mapping[str, Mapping[str, float]] = {
    "billing": {
        "charged twice": 3, "refund": 3, "invoice": 2, "charged": 2, "payment": 2,
        "credit card": 2, "price": 1, "subscription": 1,
    },
    "access": {
        "password": 3, "sign in": 3, "log in": 3, "locked out": 3, "two factor": 2,
        "verification code": 2, "reset": 1,
    },
    "fault": {
        "error": 2, "crashes": 3, "does not work": 3, "is down": 3, "bug": 3, "broken": 2,
        "data loss": 3, "slow": 1, "outage": 3,
    },
    "how_to": {
        "how do i": 3, "how can i": 3, "where do i find": 3, "is it possible": 2, "export": 1,
        "documentation": 2,
    },
    "cancellation": {
        "cancel": 3, "close my account": 3, "delete my data": 3, "end my contract": 3,
    },
}  # fmt: skip
OTHER = "other"
PRESSING: Mapping[str, float] = {
    "is down": 3, "outage": 3, "data loss": 3, "all users": 2, "nobody can": 2, "security": 2,
    "urgent": 1, "deadline": 1, "today": 1,
}  # fmt: skip
PLAN_POINTS: Mapping[str, int] = {"free": 0, "team": 1, "enterprise": 2}
URGENT_FROM, HIGH_FROM = 5, 3
RISKS: Mapping[str, Mapping[str, float]] = {
    "Legal threat": {"lawyer": 1, "legal action": 1, "sue": 1, "court": 1},
    "Public complaint": {"journalist": 1, "press": 1, "public review": 1},
    "Data protection request": {"delete my data": 1, "data protection": 1, "gdpr": 1},
}
SAME_REQUEST = 0.6
ANSWERS: Mapping[str, str] = {
    "billing": "A charge that appears twice is returned within five working days. "
    "Your invoices are under Settings, Billing.",
    "access": "Choose “Forgot your password?” at sign-in; the link is valid for one hour. "
    "Whoever administers your workspace can reset a second factor.",
    "how_to": "The steps are in the handbook, under the name of the page you are on: "
    "choose “?” at the top right.",
}
ACKNOWLEDGEMENT = "Thank you for your message. We are looking into it and will write to you again."


class Flag(TypedDict):
    """What a rule found, as a case shows it."""

    label: str
    level: Literal["info", "warning", "critical"]
    detail: str


def drop_quotes(body: str) -> str:
    """Return the text without quoted lines and signature, which are about other requests."""
    lines = []
    for line in body.splitlines():
        if line.rstrip() == "--":
            break
        if not line.lstrip().startswith(">"):
            lines.append(line.rstrip())
    return "\n".join(lines).strip()


def urgency_points(text: str, plan: str) -> dict[str, float]:
    """Return the signs of urgency, with their points."""
    points = {f"“{phrase}”": weight for phrase, weight in find_phrases(text, PRESSING).items()}
    if PLAN_POINTS[plan]:
        points[f"Plan: {plan}"] = PLAN_POINTS[plan]
    return points


def risk_flags(text: str) -> list[Flag]:
    flags: list[Flag] = []
    for label, phrases in RISKS.items():
        if found := find_phrases(text, phrases):
            detail = f"The customer writes “{'”, “'.join(found)}”."
            flags.append(Flag(label=label, level="warning", detail=detail))
    return flags


def likeness(one: str, other: str) -> float:
    """Return the share of their words that two texts have in common (Jaccard index), 0 to 1."""
    mine, yours = (set(re.findall(r"\w+", text.lower())) for text in (one, other))
    return round(len(mine & yours) / len(mine | yours), 2) if mine | yours else 0.0


def find_most_alike(text: str, earlier: Sequence[Mapping[str, Any]]) -> tuple[str, float]:
    """Return the ticket of the open request that is most like this text, and the likeness."""
    ranked = [(likeness(text, each["text"]), str(each["ticket"])) for each in earlier]
    best = max(ranked, default=(0.0, ""))
    return best[1], best[0]
