"""The rules of the document intake flow beside its steps of documents. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict

LEAST_READABLE, LEAST_CHARACTERS = 0.85, 40


class Flag(TypedDict):
    """What a rule found, as a case shows it."""

    label: str
    level: Literal["info", "warning", "critical"]
    detail: str


def readable_share(text: str) -> float:
    """Return the share of letters, digits and usual signs among the characters, 0 to 1."""
    shown = [each for each in text if not each.isspace()]
    good = [each for each in shown if each.isalnum() or each in ".,:;-/()%€$&@'+#"]
    return round(len(good) / len(shown), 2) if shown else 0.0


def received_before(
    values: Mapping[str, Any], sender: str, earlier: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Flag]]:
    """Return the reference of the same document, or flags for those that are only similar."""
    flags: list[Flag] = []
    for each in earlier:
        if each["sender"] != sender:
            continue
        if values.get("number") and each["number"] == values["number"]:
            return str(each["reference"]), []
        if values.get("total") is not None and each.get("total") == values["total"]:
            detail = f"{each['reference']} has the number {each['number']} and the same total."
            flags.append(Flag(label="Same sender, same total", level="warning", detail=detail))
    return "", flags
