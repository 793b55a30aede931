"""The rules of the document intake flow: kinds, fields and checks of a document. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from typing_extensions import TypedDict

KINDS: Mapping[str, Mapping[str, float]] = {
    "invoice": {"invoice": 3, "amount due": 2, "vat": 1, "payable within": 2, "due date": 1},
    "credit_note": {"credit note": 4, "we credit": 3, "credited": 2, "refund": 1},
    "delivery_note": {"delivery note": 4, "delivered": 2, "quantity": 1, "received by": 2},
    "contract": {"agreement": 3, "contract": 3, "the parties": 2, "term": 1, "notice period": 2},
}
OTHER = "other"
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "invoice": ("number", "date", "total"),
    "credit_note": ("number", "date", "total"),
    "delivery_note": ("number", "date"),
    "contract": ("number", "date"),
    OTHER: (),
}
# How surely a value was read: beside its label; by its form alone; set by a person.
LABELLED, ALONE, BY_A_PERSON = 0.96, 0.6, 1.0
LEAST_READABLE, LEAST_CHARACTERS = 0.85, 40
ROUNDING = 0.01
AMOUNT = r"(-?\d{1,3}(?:,\d{3})+\.\d{2}|-?\d+\.\d{2})"
DAY = r"(\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})"
IBAN = r"([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b"
NUMBER = r"\s*(?:no\.?|number)\s*:?\s*([A-Z0-9/-]*\d[A-Z0-9/-]*)"
LABELS: Mapping[str, str] = {
    "number": rf"\b(?:invoice|credit note|delivery note|contract){NUMBER}",
    "date": rf"\b(?:date|dated|of)\b\s*:?\s*{DAY}",
    "net": rf"\b(?:net|subtotal)\b[^\d\n-]*{AMOUNT}",
    "vat": rf"\bVAT\b[^\n]*?{AMOUNT}",
    "total": rf"\b(?:total|amount due)\b[^\d\n-]*{AMOUNT}",
    "iban": rf"\bIBAN\b\s*:?\s*{IBAN}",
}
FORMS: Mapping[str, str] = {"date": rf"\b{DAY}\b", "iban": rf"\b{IBAN}"}
MONEY = frozenset({"net", "vat", "total"})


class Flag(TypedDict):
    """What a rule found, as a case shows it."""

    label: str
    level: Literal["info", "warning", "critical"]
    detail: str


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands: the line, counted from 0, and the characters in it."""

    key: str
    value: Any
    confidence: float
    line: int
    start: int
    end: int


def readable_share(text: str) -> float:
    """Return the share of letters, digits and usual signs among the characters, 0 to 1."""
    shown = [each for each in text if not each.isspace()]
    good = [each for each in shown if each.isalnum() or each in ".,:;-/()%€$&@'+#"]
    return round(len(good) / len(shown), 2) if shown else 0.0


def read_fields(text: str) -> dict[str, Found]:
    """Return each field that was found. Different values for one field divide its confidence."""
    found = {}
    for key, pattern in LABELS.items():
        sure, matches = LABELLED, _matches(key, pattern, text)
        if not matches and key in FORMS:
            sure, matches = ALONE, _matches(key, FORMS[key], text)
        if matches:
            different = {str(match.value) for match in matches}
            first = matches[0]
            found[key] = Found(
                key,
                first.value,
                round(sure / len(different), 2),
                first.line,
                first.start,
                first.end,
            )
    return found


def _matches(key: str, pattern: str, text: str) -> list[Found]:
    matches = []
    for number, line in enumerate(text.splitlines()):
        for match in re.finditer(pattern, line, re.IGNORECASE):
            value = _value(key, match[1])
            if value is not None:
                matches.append(Found(key, value, 0, number, match.start(1), match.end(1)))
    return matches


def _value(key: str, text: str) -> Any:
    if key in MONEY:
        return float(text.replace(",", ""))
    if key == "iban":
        return text.replace(" ", "").upper()
    if key == "date":
        return _day(text)
    return text


def _day(text: str) -> str | None:
    try:
        if "." in text:
            day, month, year = map(int, text.split("."))
            return date(year, month, day).isoformat()
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def is_iban(text: str) -> bool:
    """Return whether the check digits are right (ISO 13616: the number modulo 97 is 1)."""
    moved = text[4:] + text[:4]
    return text.isalnum() and int("".join(str(int(each, 36)) for each in moved)) % 97 == 1


def check_flags(kind: str, values: Mapping[str, Any], known_iban: str) -> list[Flag]:
    """Return what is missing or contradictory, and whether the account paid so far has changed."""
    flags: list[Flag] = []
    for key in REQUIRED.get(kind, ()):
        if values.get(key) in (None, ""):
            detail = f"A {kind.replace('_', ' ')} has one; none was found in the text."
            flags.append(Flag(label=f"No {key}", level="warning", detail=detail))
    amounts: list[float] = [
        values[key] for key in ("net", "vat", "total") if values.get(key) is not None
    ]
    if len(amounts) == len(MONEY) and abs(amounts[0] + amounts[1] - amounts[2]) > ROUNDING:
        summed = amounts[0] + amounts[1]
        detail = f"Net and VAT make {summed:,.2f}, the document says {amounts[2]:,.2f}."
        flags.append(Flag(label="The sum is wrong", level="critical", detail=detail))
    iban = values.get("iban") or ""
    if iban and not is_iban(iban):
        detail = f"The check digits of {iban} do not hold: misread, or made up."
        flags.append(Flag(label="No valid account", level="critical", detail=detail))
    elif iban and known_iban and iban != known_iban.replace(" ", "").upper():
        detail = f"So far {known_iban} was paid. Ask the sender by a number you know already."
        flags.append(Flag(label="The account has changed", level="critical", detail=detail))
    return flags


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
