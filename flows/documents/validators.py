"""Checks of a document's fields against each other, other documents, and their own check digits.

A check that fails is a flag, in the form that cases show. What it makes of the confidence: a field
whose check fails keeps a third of it; a passed check of digits or of a sum leaves a tenth of the
doubt, since a misread digit would have broken it. A check whose fields are missing says nothing.
"""

import importlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flows.documents.extraction.fields import DIGITS, Extracted
from flows.expressions import compile_expression
from workbench.values.folding import fold

Json = Any
Kind = Literal["sum", "order", "check_digits", "same", "rule"]
KEPT_BY_FAILURE, DOUBT_LEFT = 1 / 3, 0.1
# What passes these was read right, or misread twice in a way that fits.
PROVING = frozenset({"sum", "check_digits"})
_FORMAT = re.compile(r"[a-z_]{2,20}(\.[a-z0-9_]{2,20})?")
_LEAST = {"sum": 1, "order": 2, "check_digits": 1, "same": 1, "rule": 0}


class Check(BaseModel):
    """A check. ``fields`` are the keys it is about."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Field(
        title="Kind",
        description="sum: the fields make the total. order: each date or number is not before the "
        "one named before it. check_digits: by the number's own rule. same: the fields say the "
        "same, and what `to` gives. rule: an expression.",
    )
    fields: list[str] = Field(
        default_factory=list, max_length=50, title="Fields", examples=[["net", "vat"]]
    )
    total: str = Field("", title="Total", description="For sum: the key of the total.")
    tolerance: float = Field(
        0.01, ge=0, title="Tolerance", description="For sum: the difference that rounding makes."
    )
    format: str = Field(
        "",
        title="Format",
        description="For check_digits: iban, isin, luhn, or country.number, as python-stdnum "
        "calls it.",
        examples=["iban", "de.idnr"],
    )
    to: Json = Field(
        None,
        title="Same as",
        description="For same: a value of another document, or of the input.",
        examples=["${ steps.form.output.values.name }"],
    )
    rule: str = Field(
        "",
        max_length=2000,
        title="Rule",
        description="For rule: what must hold. `item` has the values.",
        examples=["item.total > 0.0"],
        json_schema_extra={"format": "cel"},
    )
    label: str = Field("", max_length=120, title="Label", description="What the flag says.")
    level: Literal["info", "warning", "critical"] = Field("critical", title="Level")

    @field_validator("format")
    @classmethod
    def is_a_format(cls, name: str) -> str:
        if name:
            find_format(name)
        return name

    @model_validator(mode="after")
    def need_what_is_used(self) -> "Check":
        if len(self.fields) < _LEAST[self.kind]:
            raise ValueError(f"a check of {self.kind} needs `fields`")
        name = {"sum": "total", "check_digits": "format", "rule": "rule"}.get(self.kind, "kind")
        if not getattr(self, name):
            raise ValueError(f"a check of {self.kind} needs `{name}`")
        if self.kind == "same" and self.to is None and len(self.fields) == 1:
            raise ValueError("a check of same needs `to`, or two `fields`")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.fields, self.total) if self.total else tuple(self.fields)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to: whether it holds, None if it could not be made, and why not."""

    check: Check
    holds: bool | None
    detail: str = ""


@cache
def find_format(name: str) -> Any:
    """Return the module of python-stdnum that checks such numbers. Raises: ValueError."""
    found = None
    if _FORMAT.fullmatch(name):
        try:
            found = importlib.import_module(f"stdnum.{name}")
        except ImportError:
            found = None
    if found is None or not hasattr(found, "is_valid"):
        raise ValueError(
            f"there is no format {name!r}: use iban, isin, luhn, or a country's such as de.idnr"
        )
    return found


def judge(
    checks: Sequence[Check], fields: Sequence[Extracted], bindings: Mapping[str, Json]
) -> list[Verdict]:
    """Return what each check comes to. Raises: ExpressionError, where a rule cannot be evaluated.

    ``bindings`` are what expressions may name beside ``item``.
    """
    values = {each.key: each.value for each in fields}
    names = {each.key: each.name for each in fields}
    return [_judge(check, values, names, bindings) for check in checks]


def _judge(
    check: Check,
    values: Mapping[str, Json],
    names: Mapping[str, str],
    bindings: Mapping[str, Json],
) -> Verdict:
    given = [values.get(key) for key in check.keys]
    if any(value in (None, "", []) for value in given):
        return Verdict(check, None)
    match check.kind:
        case "sum":
            return _judge_sum(check, values, names)
        case "order":
            return _judge_order(check, given, names)
        case "check_digits":
            wrong = [k for k in check.fields if not find_format(check.format).is_valid(values[k])]
            detail = ", ".join(f"{names.get(key, key)} {values[key]}" for key in wrong)
            return Verdict(check, not wrong, f"The check digits do not hold: {detail}.")
        case "same":
            return _judge_same(check, given, names)
        case _:
            holds = compile_expression(check.rule, result=bool).evaluate(
                {**bindings, "item": dict(values)}
            )
            return Verdict(check, holds is True, f"Does not hold: {check.rule}")


def _judge_sum(check: Check, values: Mapping[str, Json], names: Mapping[str, str]) -> Verdict:
    parts = [number for key in check.fields for number in _list_numbers(values[key])]
    total = values[check.total]
    if not parts or any(not _is_number(each) for each in (*parts, total)):
        return Verdict(check, None)
    made = math.fsum(parts)
    holds = abs(made - total) <= check.tolerance + 1e-9
    name = names.get(check.total, check.total)
    listed = " + ".join(names.get(key, key) for key in check.fields)
    return Verdict(check, holds, f"{listed} make {made:,.2f}; {name} is {total:,.2f}.")


def _list_numbers(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _judge_order(check: Check, given: Sequence[Json], names: Mapping[str, str]) -> Verdict:
    if len({isinstance(each, str) for each in given}) > 1:
        return Verdict(check, None)
    pairs = list(zip(check.fields, given, strict=True))
    for (one, earlier), (other, later) in pairwise(pairs):
        if earlier > later:
            said = f"{names.get(one, one)} {earlier} is after {names.get(other, other)} {later}."
            return Verdict(check, False, said)
    return Verdict(check, True)


def _judge_same(check: Check, given: Sequence[Json], names: Mapping[str, str]) -> Verdict:
    said = [(names.get(key, key), value) for key, value in zip(check.fields, given, strict=True)]
    if check.to not in (None, ""):
        said.append(("Elsewhere it", check.to))
    if len(said) == 1:
        return Verdict(check, None)
    holds = len({_alike(value) for _, value in said}) == 1
    return Verdict(check, holds, "; ".join(f"{name} is {value}" for name, value in said) + ".")


def _alike(value: Json) -> Json:
    """Return a value as it is compared: texts without case, accents and spaces."""
    if _is_number(value):
        return float(value)
    return "".join(fold(str(value)).split())


def weigh(fields: Sequence[Extracted], verdicts: Sequence[Verdict]) -> list[Extracted]:
    """Return the fields with the confidence that the checks leave them."""
    return [_weigh(each, [v for v in verdicts if each.key in v.check.keys]) for each in fields]


def _weigh(field: Extracted, verdicts: Sequence[Verdict]) -> Extracted:
    if field.confidence is None or field.source == "person" or not field.confidence:
        return field
    confidence = field.confidence
    if any(each.holds is False for each in verdicts):
        confidence *= KEPT_BY_FAILURE
    elif any(each.holds and each.check.kind in PROVING for each in verdicts):
        confidence = 1 - (1 - confidence) * DOUBT_LEFT
    return replace(field, confidence=round(confidence, DIGITS))


def list_flags(
    fields: Sequence[Extracted], required: frozenset[str], verdicts: Sequence[Verdict]
) -> Iterator[dict[str, Json]]:
    """Yield what is missing, what its lines do not hold, and what a check found."""
    for each in fields:
        if each.not_found_in_text:
            detail = f"{each.text!r} does not stand in the lines that the model cites."
            yield _flag(f"{each.name} is not in the text", "critical", detail)
        elif each.value in (None, "", []) and each.refusal:
            yield _flag(f"{each.name} cannot be read", "warning", each.refusal)
        elif each.value in (None, "", []) and each.key in required:
            yield _flag(f"No {each.name}", "warning", "It was not found in the document.")
    for verdict in verdicts:
        if verdict.holds is False:
            label = verdict.check.label or _LABELS[verdict.check.kind]
            yield _flag(label, verdict.check.level, verdict.detail)


def _flag(label: str, level: str, detail: str) -> dict[str, Json]:
    return {"label": label, "level": level, "detail": detail}


_LABELS: Mapping[str, str] = {
    "sum": "The sum is wrong",
    "order": "The order is wrong",
    "check_digits": "The check digits are wrong",
    "same": "Contradiction",
    "rule": "A rule does not hold",
}
