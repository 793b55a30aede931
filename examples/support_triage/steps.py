"""The functions that the support triage flow calls. STEP_MODULES allows this module."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from examples.keywords import Reason, Sorted, sort_text
from examples.support_triage import rules
from flows.steps.python import step

Plan = Literal["free", "team", "enterprise"]
Share = Annotated[float, Field(ge=0, le=1)]


class Cleaned(TypedDict):
    """``text`` is subject and body together, for all later steps."""

    subject: str
    text: str


class Topic(Sorted):
    """``chosen`` is the topic that an agent set, else empty. It is not guessed again."""

    chosen: str


class Urgency(TypedDict):
    level: Literal["urgent", "high", "normal"]
    points: float
    reasons: list[Reason]
    flags: list[rules.Flag]


class Duplicate(TypedDict):
    """``of`` is the open request that this one repeats; empty if it is new."""

    of: str
    likeness: Share


class Answer(TypedDict):
    """``found`` tells whether the reply is an answer or only an acknowledgement."""

    found: bool
    reply: str


@with_config(ConfigDict(extra="ignore"))
class OpenRequest(TypedDict):
    ticket: str
    text: str


@with_config(ConfigDict(extra="ignore"))
class Correction(TypedDict):
    """A field that an agent changed."""

    field: str
    new: Any


@step
def clean(subject: str, body: str) -> Cleaned:
    """Take out quotes and signature."""
    text = f"{subject}\n{rules.drop_quotes(body)}".strip()
    return Cleaned(subject=subject.strip() or "No subject", text=text)


@step
def topic(text: str, chosen: str, corrections: list[Correction]) -> Topic:
    """Tell the topic of the request, unless an agent has chosen it."""
    chosen = next((str(each["new"]) for each in corrections if each["field"] == "topic"), chosen)
    if chosen:
        reason = Reason(label="Chosen by an agent", value=chosen, contribution=1.0)
        return Topic(kind=chosen, confidence=1.0, reasons=[reason], chosen=chosen)
    return Topic(**sort_text(text, rules.TOPICS, rules.OTHER), chosen="")


@step
def urgency(text: str, plan: Plan) -> Urgency:
    """Tell how urgent the request is, and what needs care."""
    points = rules.urgency_points(text, plan)
    total = sum(points.values())
    level: Literal["urgent", "high", "normal"] = (
        "urgent" if total >= rules.URGENT_FROM else "high" if total >= rules.HIGH_FROM else "normal"
    )
    reasons = [
        Reason(label=label, value="urgency", contribution=weight)
        for label, weight in sorted(points.items(), key=lambda each: -each[1])
    ]
    return Urgency(level=level, points=total, reasons=reasons, flags=rules.risk_flags(text))


@step
def duplicate(text: str, open_requests: list[OpenRequest]) -> Duplicate:
    """Find the open request of the same customer that this one repeats."""
    ticket, likeness = rules.find_most_alike(text, open_requests)
    return Duplicate(of=ticket if likeness >= rules.SAME_REQUEST else "", likeness=likeness)


@step
def answer(topic: str) -> Answer:
    """Choose the prepared answer for the topic."""
    found = topic in rules.ANSWERS
    return Answer(found=found, reply=rules.ANSWERS.get(topic, rules.ACKNOWLEDGEMENT))
