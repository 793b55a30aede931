"""Reading answers: what stands at a dotted path, and the confidence in the declared way."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.steps.models import Reason

Json = Any
MISSING: Json = object()
SHOWN_CHARACTERS = 60
# By so much a sum of single precision may go past 1.
_ROUNDING = 1e-6
# No list of an answer has an index of more digits.
_MOST_DIGITS = 9


class Confidence(BaseModel):
    """How the confidence is read from an answer: 0 to 1, or none.

    ``field`` takes the number at ``path`` (dotted). ``top_class`` takes the largest of the list of
    probabilities there, ``margin`` the largest less the second.
    """

    model_config = ConfigDict(extra="forbid")

    how: Literal["none", "field", "top_class", "margin"] = Field(
        "none",
        title="How it is read",
        json_schema_extra={
            "x-titles": {
                "none": "The model gives none",
                "field": "A field of the answer",
                "top_class": "The top class's probability",
                "margin": "The top class's lead over the second",
            }
        },
    )
    path: str = Field("", title="Where in the output", max_length=200, examples=["probability"])


class AnswerUnfit(ValueError):
    """The answer has not the form that its kind promises. ``field`` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def find_at(value: Json, path: str) -> Json:
    """Return what stands at a dotted path, or MISSING. "" is the whole; digits count in lists.

    A key that has dots itself, as names of tensors do, is found where it is the rest of the path.
    """
    rest = path
    while rest:
        if isinstance(value, Mapping) and rest in value:
            return value[rest]
        part, _, rest = rest.partition(".")
        if isinstance(value, Mapping):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isdecimal() and len(part) <= _MOST_DIGITS:
            value = value[int(part)] if int(part) < len(value) else MISSING
        else:
            return MISSING
    return value


def take_at(value: Json, path: str) -> Json:
    """Return what stands at a dotted path. Raises: AnswerUnfit, where nothing does."""
    found = find_at(value, path)
    if found is MISSING:
        raise AnswerUnfit(path, f"it is missing; the answer has {_describe(value)}")
    return found


def read_text(value: Json, path: str) -> str:
    """Return the text or number at a path as text, "" where there is no path or nothing there."""
    found = find_at(value, path) if path else None
    return str(found) if isinstance(found, str | int | float) else ""


def read_confidence(answer: Json, wanted: Confidence) -> float | None:
    """Return the confidence that ``wanted`` declares, None if none. Raises: AnswerUnfit."""
    if wanted.how == "none":
        return None
    found = take_at(answer, wanted.path)
    if wanted.how == "field":
        return _read_probability(found, wanted.path)
    listed = list(found.values()) if isinstance(found, Mapping) else found
    if not isinstance(listed, list) or not listed:
        raise AnswerUnfit(wanted.path, f"it is no list of probabilities (it is {_show(found)})")
    highest = sorted((_read_probability(each, wanted.path) for each in listed), reverse=True)
    second = highest[1] if len(highest) > 1 else 0.0
    return highest[0] if wanted.how == "top_class" else highest[0] - second


def read_reasons(answer: Json, path: str) -> list[Reason]:
    """Return the reasons at a path: contributions by feature, or a list of objects with them.

    Raises: AnswerUnfit.
    """
    found = take_at(answer, path) if path else []
    if isinstance(found, Mapping):
        found = [{"feature": name, "contribution": each} for name, each in found.items()]
    if not isinstance(found, list):
        raise AnswerUnfit(path, f"it is no list of reasons (it is {_show(found)})")
    return [_read_reason(each, f"{path}.{index}") for index, each in enumerate(found)]


def _read_reason(each: Json, path: str) -> Reason:
    feature = each.get("feature") if isinstance(each, Mapping) else None
    if not isinstance(feature, str) or not _is_number(each.get("contribution")):
        raise AnswerUnfit(path, f"a reason has a feature and a contribution (it is {_show(each)})")
    return Reason(
        feature=feature,
        label=str(each.get("label") or feature),
        value=each.get("value"),
        contribution=float(each["contribution"]),
        text=str(each.get("text") or ""),
    )


def _read_probability(value: Json, path: str) -> float:
    if not _is_number(value) or not -_ROUNDING <= value <= 1 + _ROUNDING:
        raise AnswerUnfit(path, f"a probability is a number from 0 to 1 (it is {_show(value)})")
    return min(1.0, max(0.0, float(value)))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _describe(value: Json) -> str:
    if isinstance(value, Mapping):
        return ", ".join(list(map(str, value))[:10]) or "no fields"
    return _show(value)


def _show(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
