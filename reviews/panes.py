"""What the panes of a case show, as the templates need it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone

from reviews.models import Case, Decision, InformationRequest
from reviews.rules.answers import NEEDS_COMMENT, list_evidence, list_outcomes
from reviews.rules.documents import list_documents
from reviews.rules.layout import GROUP_KINDS
from reviews.rules.plain_schemas import make_plain
from reviews.rules.widgets import (
    NUMBERS,
    choose_kind,
    format_field,
    get_type,
    list_choices,
    list_widgets,
    write_field,
)
from reviews.services.receipt_check import check_receipt
from workbench.values.times import is_date

Json = Any

# By outcome: the label of its button, its icon, key and tone.
CHOICES = {
    "approved": ("Approve", "check", "A", "good"),
    "rejected": ("Reject", "x", "X", "bad"),
    "rework": ("Return for rework", "corner-up-left", "R", "waiting"),
}


def preview_context(case: Case) -> dict[str, Any]:
    """Return what an unsaved case would show and ask. No query."""
    return {
        "case": case,
        "groups": list(groups_of(case, {}, {}, {})),
        "documents": list_documents(case.shown),
        "reasons": rank_reasons(case.shown.get("reasons") or ()),
        "flags": case.shown.get("flags") or (),
        "choices": choices_of(case, {}),
        "widgets": list_widgets(case.rules.get("form") or {}, {}, "form", get_current_timezone()),
        "allow": case.rules.get("allow", ()),
        "can_decide": True,
        "answer": {},
        "problems": {},
    }


def receipt_context(case: Case, decision: Decision | None) -> dict[str, Any]:
    """Return the case's groups and reasons as the decision's receipt recorded them."""
    if decision is None:
        return {}
    evidence = decision.receipt["evidence"]
    seen, known = evidence["shown"], evidence.get("known") or {}
    kept = Case(pk=case.pk, shown=seen, fields=decision.receipt["fields"], rules=case.rules)
    return {
        "groups": list(groups_of(kept, {}, {}, {})),
        "reasons": rank_reasons(seen.get("reasons") or ()),
        "differing": check_receipt(case, decision),
        "seen_at": parse_datetime(known.get("first_seen_at") or ""),
        "fetched": [(each, parse_datetime(at)) for each, at in known.get("served", {}).items()],
    }


def choices_of(
    case: Case, answer: Mapping[str, Json], problems: Mapping[str, str] | None = None
) -> list[dict[str, Json]]:
    """Return the outcomes on offer, each with its key, its reasons and whether it is chosen."""
    found = []
    for number, outcome in enumerate(list_outcomes(case.rules), start=1):
        usual = (outcome.replace("_", " ").capitalize(), "circle-dot", str(number), "idle")
        label, icon, key, tone = CHOICES.get(outcome, usual)
        codes = _reason_codes(case, outcome, answer, problems or {})
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


def _reason_codes(
    case: Case, outcome: str, answer: Mapping[str, Json], problems: Mapping[str, str]
) -> list[dict[str, Json]]:
    """Return the reasons for an outcome, each with what it may rest on, ``[(key, label)]``."""
    known = list_evidence(case.shown)
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


def fields_changed_by_answers(information: list[InformationRequest]) -> dict[str, Json]:
    """Return who changed each field by an answer to a question, by the field's key."""
    return {key: asked.answered_by for asked in information for key in asked.changes}


def groups_of(
    case: Case,
    answer: Mapping[str, Json],
    problems: Mapping[str, str],
    changed: Mapping[str, Json],
) -> Iterator[dict[str, Json]]:
    """Yield the groups of fields, reasons and data; documents have a pane of their own."""
    for number, group in enumerate(case.shown.get("show") or ()):
        kinds = [name for name in GROUP_KINDS if name != "data"]
        kind = next((name for name in kinds if group.get(name) is not None), "json")
        shown = {**group, "kind": kind, "id": group.get("id") or f"group-{number}"}
        if kind == "fields":
            shown["fields"] = [
                _field(case, field, answer, problems, changed) for field in group["fields"]
            ]
        if kind == "reasons":
            shown["reasons"] = rank_reasons(group["reasons"])
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
    schema = make_plain(field.get("schema") or {})
    typed = (answer.get("fields") or {}).get(key, value)
    return {
        **field,
        "value": value,
        "was": field.get("value"),
        "as_rendered": json.dumps(value, ensure_ascii=False),
        "old_text": format_field(value),
        "typed": format_field(typed),
        "input": _choose_input(schema, value, typed),
        "numeric": get_type(schema) in NUMBERS if schema else _is_number(value),
        "choices": _offer(schema, value, typed),
        "overridden": key is not None and typed != value,
        "earlier": key is not None and value != field.get("value"),
        "changed_by": changed.get(key) if key else None,
        "why": (answer.get("why") or {}).get(key, ""),
        "problem": problems.get(f"fields.{key}", ""),
        "why_problem": problems.get(f"fields.{key}.reason", ""),
        "confidence": field.get("confidence"),
        "doubt": _confidence_tone(field.get("confidence")),
    }


def _choose_input(schema: Mapping[str, Json], value: Json, typed: Json) -> str:
    """Return date, lines or text: what can show both values without changing them."""
    texts = [format_field(value), format_field(typed)]
    if any("\n" in text or "\r" in text for text in texts) or isinstance(typed, list | dict):
        return "lines"
    if choose_kind(schema) == "date" and all(not text or is_date(text) for text in texts):
        return "date"
    return "text"


def _offer(schema: Mapping[str, Json], value: Json, typed: Json) -> list[tuple[str, bool, str]]:
    """Return the choices as text, whether it is chosen, and label; with the value as it is."""
    known = _list_options(schema)
    if not known:
        return []
    for each in (value, typed):
        if (text := write_field(each, schema)) not in dict(known):
            known.append((text, text or "None"))
    return [(text, text == write_field(typed, schema), label) for text, label in known]


def _list_options(schema: Mapping[str, Json]) -> list[tuple[str, str]]:
    if get_type(schema) == "boolean":
        return [("true", "Yes"), ("false", "No")]
    if get_type(schema) == "array":
        return []
    if schema.get("enum"):
        return [(text := write_field(each, schema), text or "None") for each in schema["enum"]]
    return list(list_choices(schema))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _confidence_tone(confidence: float | None) -> str:
    """Return the tone that says how sure the value is; "" without a confidence."""
    if confidence is None:
        return ""
    return "good" if confidence >= 0.85 else "waiting" if confidence >= 0.6 else "bad"  # noqa: PLR2004


def rank_reasons(reasons: Any) -> list[dict[str, Json]]:
    """Return the reasons, the strongest first, each with the start and length of its bar.

    Bars start at an axis at 50 of 100 per cent; that of the strongest reason fills its half.
    """
    strongest = max((abs(each["contribution"]) for each in reasons), default=0) or 1
    found = []
    for each in sorted(reasons, key=lambda each: -abs(each["contribution"])):
        magnitude = abs(each["contribution"])
        percent = magnitude / strongest * 50
        start = 50 - percent if each["contribution"] < 0 else 50
        found.append({**each, "magnitude": magnitude, "percent": percent, "start": start})
    return found
