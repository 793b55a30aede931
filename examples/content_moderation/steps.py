"""The functions that the content moderation flow calls. STEP_MODULES allows this module."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from examples.content_moderation import rules
from examples.keywords import PRIOR, Reason, Sorted, find_phrases, sort_text
from flows.steps.python import step

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
# The share of the evidence that speaks for a post: from here on, and up to here.
KEEP_FROM, REMOVE_UP_TO = 0.8, 0.2


@with_config(ConfigDict(extra="ignore"))
class Author(TypedDict):
    id: str
    age_days: Count
    strikes: Count


@with_config(ConfigDict(extra="ignore"))
class Correction(TypedDict):
    """A field that a moderator changed."""

    field: str
    new: Any


class Standing(TypedDict):
    """``points`` is what speaks for the author, by reason; ``flags`` is what speaks against."""

    points: dict[str, float]
    flags: list[rules.Flag]


class Text(TypedDict):
    """``text`` is as it would be published, ``plain`` is without its disguises."""

    text: str
    plain: str
    edited: bool


class Harm(Sorted):
    """``weight`` is the evidence for the kind; ``flags`` is what must not wait."""

    weight: float
    flags: list[rules.Flag]


class Spam(TypedDict):
    points: float
    reasons: list[Reason]


class Verdict(TypedDict):
    """``confidence`` is the share of the evidence for the verdict, 0 to 1."""

    verdict: Literal["keep", "mask", "remove", "unsure"]
    rule: str
    confidence: Share
    reasons: list[Reason]
    flags: list[rules.Flag]


class Statement(TypedDict):
    text: str


@step
def standing(author: Author, reports: Count) -> Standing:
    """Return what speaks for and against the author, and how many people reported the post."""
    points = {"Nothing found in the text so far": 1.0}
    flags: list[rules.Flag] = []
    if author["age_days"] >= rules.OLD_ACCOUNT_DAYS:
        points["Account older than a month"] = 1.0
    if not author["strikes"]:
        points["No strike so far"] = 1.0
    else:
        detail = f"Posts of this author that were removed before: {author['strikes']}."
        flags.append(rules.Flag(label="Strikes", level="warning", detail=detail))
    if reports >= rules.MANY_REPORTS:
        detail = f"{reports} people reported the post."
        flags.append(rules.Flag(label="Reported", level="warning", detail=detail))
    return Standing(points=points, flags=flags)


@step
def text(text: str, corrections: list[Correction]) -> Text:
    """Return the text as posted, or as a moderator edited it, and without its disguises."""
    edited = next((str(each["new"]) for each in corrections if each["field"] == "text"), None)
    shown = text if edited is None else edited
    return Text(text=shown, plain=rules.undo_disguises(shown), edited=edited is not None)


@step
def harm(text: str) -> Harm:
    """Look for harassment, threats and hate, and for somebody who needs help."""
    found = sort_text(text, rules.HARM, rules.NOTHING)
    weight = sum(
        reason["contribution"] for reason in found["reasons"] if reason["contribution"] > 0
    )
    flags: list[rules.Flag] = []
    if found["kind"] == "self_harm":
        detail = "Offer the helpline before anything else is decided."
        flags.append(rules.Flag(label="Somebody may need help", level="critical", detail=detail))
    if found["kind"] == "threat":
        detail = "Keep the post as evidence, whatever is decided."
        flags.append(rules.Flag(label="Threat", level="critical", detail=detail))
    return Harm(**found, weight=weight, flags=flags)


@step
def spam(text: str, plain: str) -> Spam:
    """Look for advertising."""
    points = rules.spam_points(text, find_phrases(plain, rules.SPAM))
    reasons = [
        Reason(label=label, value="spam", contribution=weight)
        for label, weight in sorted(points.items(), key=lambda each: -each[1])
    ]
    return Spam(points=sum(points.values()), reasons=reasons)


@step
def policy(
    standing: Standing, harm: Harm, spam: Spam, personal: list[str], reports: Count
) -> Verdict:
    """Weigh what was found; ``personal`` has the kinds of personal data.

    Only advertising is removed by rule; people judge what was said.
    """
    speaks_for = sum(standing["points"].values()) - (1.0 if harm["weight"] or spam["points"] else 0)
    against = harm["weight"] + spam["points"] + reports
    share_for = (speaks_for + PRIOR) / (speaks_for + against + 2 * PRIOR)
    rule = _broken_rule(harm, spam)
    flags = standing["flags"] + harm["flags"]
    verdict: Literal["keep", "mask", "remove", "unsure"] = "unsure"
    if share_for >= KEEP_FROM and not flags:
        verdict = "mask" if personal else "keep"
    elif share_for <= REMOVE_UP_TO and rule == "spam":
        verdict = "remove"
    return Verdict(
        verdict=verdict,
        rule=rule,
        confidence=round(max(share_for, 1 - share_for), 2),
        reasons=_list_reasons(standing, harm, spam),
        flags=flags,
    )


def _broken_rule(harm: Harm, spam: Spam) -> str:
    """Return the rule that the post breaks most, or ``none``."""
    if harm["weight"] and harm["weight"] >= spam["points"]:
        return harm["kind"]
    return "spam" if spam["points"] else "none"


def _list_reasons(standing: Standing, harm: Harm, spam: Spam) -> list[Reason]:
    """Return the eight strongest reasons, for and against the post."""
    reasons = [
        Reason(label=label, value="for the post", contribution=weight)
        for label, weight in standing["points"].items()
        if not (label.startswith("Nothing") and (harm["weight"] or spam["points"]))
    ]
    for each in harm["reasons"] + spam["reasons"]:
        against_it = abs(each["contribution"])
        reasons.append(Reason(label=each["label"], value=each["value"], contribution=-against_it))
    return sorted(reasons, key=lambda each: -abs(each["contribution"]))[:8]


RULES = {
    "spam": "advertising that nobody asked for",
    "harassment": "attacks on a person",
    "threat": "threats",
    "hate": "attacks on a group of people",
    "privacy": "other people's data",
    "self_harm": "content that may harm others",
    "adults": "content for adults without a notice",
}


@step
def statement(
    rules_broken: list[str], action: Literal["removed", "restricted"], by: str
) -> Statement:
    """Write the statement of reasons for the author."""
    what = " and ".join(RULES[rule] for rule in rules_broken if rule in RULES) or "our rules"
    who = "automatically, by a rule" if by == "policy" else "by a person"
    shown = "removed" if action == "removed" else "shown to adults only"
    return Statement(
        text=f"Your post was {shown}. It was decided {who}, because of {what}.\n\n"
        "You can object within six months; a person who did not decide before will look at it."
    )
