"""The panes of a case as the templates need them."""

from collections.abc import Iterator, Mapping
from typing import Any

from reviews.models import Case, Decision, InformationRequest
from reviews.rules.answers import NEEDS_COMMENT, evidence_of, outcomes_of
from reviews.rules.documents import documents_of
from reviews.rules.layout import GROUP_KINDS
from reviews.rules.widgets import kind_of, text_of, widgets_of

Json = Any

# What a reviewer calls an outcome when choosing it, its icon, key and tone.
CHOICES = {
    "approved": ("Approve", "check", "A", "good"),
    "rejected": ("Reject", "x", "X", "bad"),
    "rework": ("Return for rework", "corner-up-left", "R", "waiting"),
}


def preview_context(case: Case) -> dict[str, Any]:
    """Return what a case that is not kept would show and ask. No query."""
    return {
        "case": case,
        "groups": list(groups(case, {}, {}, {})),
        "documents": documents_of(case.shown),
        "reasons": reasons(case.shown.get("reasons") or ()),
        "flags": case.shown.get("flags") or (),
        "choices": choices_of(case, {}),
        "widgets": widgets_of(case.rules.get("form") or {}, {}, "form"),
        "allow": case.rules.get("allow", ()),
        "can_decide": True,
        "answer": {},
        "problems": {},
    }


def as_shown(case: Case, decision: Decision | None) -> dict[str, Any]:
    """Return the case's groups and reasons as the receipt kept them."""
    if decision is None:
        return {}
    seen = decision.receipt["evidence"]["shown"]
    kept = Case(pk=case.pk, shown=seen, fields=decision.receipt["fields"], rules=case.rules)
    return {
        "groups": list(groups(kept, {}, {}, {})),
        "reasons": reasons(seen.get("reasons") or ()),
    }


def choices_of(
    case: Case, answer: Mapping[str, Json], problems: Mapping[str, str] | None = None
) -> list[dict[str, Json]]:
    """Return the outcomes on offer, each with its key, its reasons and whether it is chosen."""
    found = []
    for number, outcome in enumerate(outcomes_of(case.rules), start=1):
        usual = (outcome.replace("_", " ").capitalize(), "circle-dot", str(number), "idle")
        label, icon, key, tone = CHOICES.get(outcome, usual)
        codes = _codes(case, outcome, answer, problems or {})
        found.append(
            {
                "outcome": outcome,
                "label": label,
                "icon": icon,
                "key": key,
                "tone": tone,
                "chosen": answer.get("outcome") == outcome,
                "needs_comment": outcome in NEEDS_COMMENT,
                "codes": codes,
                "has_notices": any(code.get("notice") for code in codes),
            }
        )
    return found


def _codes(
    case: Case, outcome: str, answer: Mapping[str, Json], problems: Mapping[str, str]
) -> list[dict[str, Json]]:
    """Return the reasons for an outcome, each with what it can rest on, ``[(key, label)]``."""
    known = evidence_of(case.shown)
    chosen = answer.get("outcome") == outcome
    grounds = answer.get("grounds") or {}
    found = []
    for code in case.rules.get("reason_codes", {}).get(outcome, ()):
        offered = code.get("rests_on") or list(known)
        found.append(
            {
                **code,
                "chosen": chosen and code["code"] in (answer.get("reasons") or ()),
                "grounds": [(key, known.get(key, key)) for key in offered],
                "ground": grounds.get(code["code"], ""),
                "problem": problems.get(f"grounds.{code['code']}", "") if chosen else "",
            }
        )
    return found


def changed_by_answers(information: list[InformationRequest]) -> dict[str, Json]:
    """Return the fields that an answer to a question changed, with who changed them."""
    return {key: asked.answered_by for asked in information for key in asked.changes}


def groups(
    case: Case,
    answer: Mapping[str, Json],
    problems: Mapping[str, str],
    changed: Mapping[str, Json],
) -> Iterator[dict[str, Json]]:
    for number, group in enumerate(case.shown.get("show") or ()):
        kinds = [name for name in GROUP_KINDS if name != "data"]
        kind = next((name for name in kinds if group.get(name) is not None), "json")
        shown = {**group, "kind": kind, "id": group.get("id") or f"group-{number}"}
        if kind == "fields":
            shown["fields"] = [
                _field(case, field, answer, problems, changed) for field in group["fields"]
            ]
        if kind == "reasons":
            shown["reasons"] = reasons(group["reasons"])
        if kind != "documents":
            yield shown


def _field(
    case: Case,
    field: Mapping[str, Json],
    answer: Mapping[str, Json],
    problems: Mapping[str, str],
    changed: Mapping[str, Json],
) -> dict[str, Json]:
    key = field.get("key")
    value = case.fields.get(key, field.get("value")) if key else field.get("value")
    schema = field.get("schema") or {}
    typed = (answer.get("fields") or {}).get(key, value)
    kind = kind_of(schema) if schema else ("number" if _is_number(value) else "text")
    return {
        **field,
        "value": value,
        "was": field.get("value"),
        "typed": text_of(typed),
        "input": kind if kind in {"radio", "select", "check", "date"} else "text",
        "numeric": kind == "number",
        "choices": [(text, text == text_of(typed), label) for text, label in _options(schema)],
        "overridden": key is not None and typed != value,
        "earlier": key is not None and value != field.get("value"),
        "changed_by": changed.get(key) if key else None,
        "why": (answer.get("why") or {}).get(key, ""),
        "problem": problems.get(f"fields.{key}", ""),
        "why_problem": problems.get(f"fields.{key}.reason", ""),
        "confidence": field.get("confidence"),
        "doubt": _doubt(field.get("confidence")),
    }


def _options(schema: Mapping[str, Json]) -> list[tuple[str, str]]:
    if schema.get("type") == "boolean":
        return [("true", "Yes"), ("false", "No")]
    return [(text_of(each), text_of(each)) for each in schema.get("enum") or ()]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _doubt(confidence: float | None) -> str:
    """Return the tone of a confidence: what is below 0.6 wants a look first."""
    if confidence is None:
        return ""
    return "good" if confidence >= 0.85 else "waiting" if confidence >= 0.6 else "bad"  # noqa: PLR2004


def reasons(reasons: Any) -> list[dict[str, Json]]:
    """Return reasons, the strongest first, each with where its bar begins and how long it is.

    The bar's axis is at 50 of 100; the strongest reason fills its half.
    """
    strongest = max((abs(each["contribution"]) for each in reasons), default=0) or 1
    found = []
    for each in sorted(reasons, key=lambda each: -abs(each["contribution"])):
        magnitude = abs(each["contribution"])
        percent = magnitude / strongest * 50
        start = 50 - percent if each["contribution"] < 0 else 50
        found.append({**each, "magnitude": magnitude, "percent": percent, "start": start})
    return found
