"""What a reviewer sends, checked against what the case asks. Pure but for the schema library."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import jsonschema_rs

from reviews.errors import DecisionInvalid
from reviews.rules.evidence import Known
from reviews.rules.layout import FILE_KINDS
from reviews.rules.places import find_place_problems
from reviews.rules.posted import infer_type
from workbench.values.checking import check_value
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused
from workbench.values.schemas import SCHEMA_ERRORS, make_validator
from workbench.values.times import read_date, read_instant

Json = Any
COMMENT_MAX = 10_000
FILL_IN = "Fill this in."
WHY_MAX = 500
# Returning work without saying what to do wastes a round.
NEEDS_COMMENT = frozenset({"rework"})
NUMBERS = frozenset({"number", "integer"})
NOT_OUTCOMES = frozenset({"information", "escalation"})
# With these, values need not fit together: nothing is done with them as they are.
UNUSED_VALUES = frozenset({"rejected", "rework"})


@dataclass(frozen=True, slots=True)
class Answer:
    """``fields`` are the new values by key, ``why`` the reasons for changing them.

    ``grounds``: by reason code, the key of the field or the id of the evidence it rests on.
    ``places``: by key, where a field stands on the documents, see ``reviews.rules.places``.
    ``zone``: that of the page on which local times were typed.
    """

    outcome: str
    reasons: tuple[str, ...] = ()
    grounds: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Json] = field(default_factory=dict)
    form: Mapping[str, Json] = field(default_factory=dict)
    opened: tuple[str, ...] = ()
    active_seconds: int = 0
    zone: tzinfo | None = None


def check_answer(
    answer: Answer,
    *,
    rules: Mapping[str, Json],
    shown: Mapping[str, Json],
    fields: Mapping[str, Json],
    known: Known,
    now: datetime,
) -> list[dict[str, Json]]:
    """Return the overrides, ``[{"field", "old", "new", "reason"}]``.

    ``known`` is what the server gave to the person: evidence and seconds beyond it do not count.

    Raises: DecisionInvalid with every problem at once.
    """
    problems: dict[str, str] = {}
    outcomes = list_outcomes(rules)
    if answer.outcome not in outcomes:
        problems["outcome"] = f"Choose one of {', '.join(outcomes)}."
    problems |= _find_reason_problems(answer, rules)
    problems |= _find_ground_problems(answer, rules, shown)
    problems |= _find_comment_problems(answer)
    problems |= _find_evidence_problems(answer, rules, known)
    if problem := known.find_problem(answer.active_seconds, now):
        problems["active_seconds"] = problem
    problems |= find_value_problems(answer, rules=rules, shown=shown, fields=fields)
    overrides = list_overrides(answer, shown, fields)
    problems |= _find_why_problems(overrides, shown)
    problems |= find_place_problems(answer.places, shown, list_editable(shown))
    if problems:
        raise DecisionInvalid(problems)
    return overrides


def find_value_problems(
    answer: Answer,
    *,
    rules: Mapping[str, Json],
    shown: Mapping[str, Json],
    fields: Mapping[str, Json],
) -> dict[str, str]:
    """Return what is wrong with the values typed, by name: ``fields.income``, ``form.rate``."""
    overrides = list_overrides(answer, shown, fields)
    problems = _find_override_problems(overrides, shown, answer.zone)
    problems = _find_group_problems(answer, shown, fields) | problems
    form = dict(answer.form)
    return problems | find_schema_problems(rules.get("form") or {}, form, "form", answer.zone)


def list_outcomes(rules: Mapping[str, Json]) -> list[str]:
    return [name for name in rules.get("allow", ()) if name not in NOT_OUTCOMES]


def _find_reason_problems(answer: Answer, rules: Mapping[str, Json]) -> dict[str, str]:
    codes = [choice["code"] for choice in rules.get("reason_codes", {}).get(answer.outcome, ())]
    if codes and not answer.reasons:
        return {"reasons": f"Choose at least one reason: {', '.join(codes)}."}
    if unknown := [code for code in answer.reasons if code not in codes]:
        known = ", ".join(codes) or "none for this outcome"
        return {"reasons": f"Unknown reason {', '.join(unknown)}. Known are: {known}."}
    return {}


def find_grounds(answer: Answer, rules: Mapping[str, Json]) -> dict[str, str]:
    """Return what each reason rests on: what was named, else the one that its code names."""
    found = {}
    for choice in _list_chosen_codes(rules, answer.outcome, answer.reasons):
        first = next(iter(choice.get("rests_on") or ()), "")
        if ground := answer.grounds.get(choice["code"]) or first:
            found[choice["code"]] = ground
    return found


def write_notice(rules: Mapping[str, Json], outcome: str, reasons: Iterable[str]) -> str:
    """Return what the applicant is told for these reasons, one sentence a line."""
    chosen = _list_chosen_codes(rules, outcome, reasons)
    return "\n".join(choice["notice"] for choice in chosen if choice.get("notice"))


def _list_chosen_codes(
    rules: Mapping[str, Json], outcome: str, reasons: Iterable[str]
) -> list[Mapping[str, Json]]:
    codes = rules.get("reason_codes", {}).get(outcome, ())
    wanted = set(reasons)
    return [choice for choice in codes if choice["code"] in wanted]


def list_evidence(shown: Mapping[str, Json]) -> dict[str, str]:
    """Return what a reason can rest on, ``{key or id: label}``: fields, documents and groups."""
    found = {f["key"]: f["label"] for f in list_shown_fields(shown) if f.get("key")}
    for group in shown.get("show", ()):
        for kind in FILE_KINDS:
            found |= {each["id"]: each["title"] for each in group.get(kind) or ()}
        if group.get("id"):
            found[group["id"]] = group["title"]
    return found | {each["id"]: each["title"] for each in shown.get("documents") or ()}


def _find_ground_problems(
    answer: Answer, rules: Mapping[str, Json], shown: Mapping[str, Json]
) -> dict[str, str]:
    known = list_evidence(shown)
    problems = {}
    for choice in _list_chosen_codes(rules, answer.outcome, answer.reasons):
        code, offered = choice["code"], choice.get("rests_on") or list(known)
        ground = answer.grounds.get(code)
        names = ", ".join(known.get(key, key) for key in offered) or "nothing on this case"
        if ground and ground not in offered:
            problems[f"grounds.{code}"] = f"{choice['label']} can rest on {names}."
        elif not ground and len(choice.get("rests_on") or ()) > 1:
            problems[f"grounds.{code}"] = f"Name what {choice['label']} rests on, one of {names}."
    return problems


def _find_comment_problems(answer: Answer) -> dict[str, str]:
    if len(answer.comment) > COMMENT_MAX:
        return {"comment": f"Shorten the comment to {COMMENT_MAX} characters."}
    if answer.outcome in NEEDS_COMMENT and not answer.comment.strip():
        return {"comment": "Say what is to be done differently."}
    return {}


def _find_evidence_problems(
    answer: Answer, rules: Mapping[str, Json], known: Known
) -> dict[str, str]:
    if answer.outcome != "approved":
        return {}
    opened = known.list_opened(answer.opened)
    unseen = [key for key in rules.get("required_evidence", ()) if key not in opened]
    return {"evidence": f"Open {', '.join(unseen)} before approving."} if unseen else {}


def list_shown_fields(shown: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    for group in shown.get("show", ()):
        yield from group.get("fields") or ()


def list_editable(shown: Mapping[str, Json]) -> dict[str, str]:
    """Return the fields that people may change, ``{key: label}``."""
    return {each["key"]: each["label"] for each in list_shown_fields(shown) if each.get("editable")}


def list_overrides(
    answer: Answer, shown: Mapping[str, Json], fields: Mapping[str, Json]
) -> list[dict[str, Json]]:
    """Return the values that differ from the present ones; the same value is no override."""
    return [
        {
            "field": key,
            "old": fields.get(key),
            "new": new,
            "reason": answer.why.get(key, "").strip(),
        }
        for key, new in sorted(answer.fields.items())
        if key not in fields or fields[key] != new
    ]


def _find_override_problems(
    overrides: list[dict[str, Json]], shown: Mapping[str, Json], zone: tzinfo | None
) -> dict[str, str]:
    problems = {}
    known = {field["key"]: field for field in list_shown_fields(shown) if field.get("key")}
    for override in overrides:
        key = override["field"]
        name = f"fields.{key}"
        if key not in known or not known[key].get("editable"):
            problems[name] = f"The field {key} cannot be changed on this case."
            continue
        schema = get_field_schema(known[key], override["old"], override["new"])
        problems |= find_schema_problems(schema, override["new"], name, zone)
    return problems


def _find_group_problems(
    answer: Answer, shown: Mapping[str, Json], fields: Mapping[str, Json]
) -> dict[str, str]:
    """Return why the values of a group do not fit together, each by a field that can be changed."""
    if answer.outcome in UNUSED_VALUES:
        return {}
    values = {**fields, **answer.fields}
    problems: dict[str, str] = {}
    for group in shown.get("show", ()):
        keyed = [each for each in group.get("fields") or () if each.get("key")]
        if not (schema := group.get("schema")) or not keyed:
            continue
        given = {each["key"]: values[each["key"]] for each in keyed if each["key"] in values}
        for name, fault in find_schema_problems(schema, given, "fields", answer.zone).items():
            place, sentence = _place_group_fault(name, fault, keyed, answer)
            problems.setdefault(place, sentence)
    return problems


def _place_group_fault(
    name: str, fault: str, keyed: list[dict[str, Json]], answer: Answer
) -> tuple[str, str]:
    """Return the field that the fault is shown at, and what to do about it there."""
    editable = [each["key"] for each in keyed if each.get("editable")]
    at = name.removeprefix("fields").removeprefix(".")
    found = next((key for key in editable if at == key or at.startswith(f"{key}.")), None)
    if found is not None:
        return f"fields.{found}", fault
    changed = [key for key in editable if key in answer.fields]
    what = f"{at} is missing, and cannot be added here" if fault == FILL_IN else f"{at}: {fault}"
    sentence = f"The values do not fit together: {what.removeprefix(': ').rstrip('.')}."
    remedy = "Change them so that they do, or choose another outcome and say why."
    first = next(iter([*changed, *editable]), keyed[0]["key"])
    return f"fields.{first}", f"{sentence} {remedy}"


def get_field_schema(field: Mapping[str, Json], old: Json, new: Json) -> Mapping[str, Json]:
    """Return what a new value must fulfil: the field's schema, or the type that it replaces.

    Text that was typed where a number stood could not be read as one.
    """
    schema: Mapping[str, Json] = field.get("schema") or {}
    return schema or ({"type": infer_type(old)} if isinstance(new, str) and old is not None else {})


def _find_why_problems(
    overrides: list[dict[str, Json]], shown: Mapping[str, Json]
) -> dict[str, str]:
    """Return what is wrong with the reasons for changing values, by ``fields.income.reason``."""
    labels = list_editable(shown)
    problems = {}
    for override in overrides:
        key, why = override["field"], override["reason"]
        if key not in labels:
            continue
        if not why:
            problems[f"fields.{key}.reason"] = f"Say why {labels[key]} is changed."
        elif len(why) > WHY_MAX:
            problems[f"fields.{key}.reason"] = f"Shorten the reason to {WHY_MAX} characters."
    return problems


def find_schema_problems(
    schema: Mapping[str, Json], value: Json, name: str, zone: tzinfo | None = None
) -> dict[str, str]:
    """Return what is wrong with the value, by the path to it: ``form.conditions``.

    A page could not read a local time in ``zone`` that is still one: the clocks change there.
    """
    try:
        # What a page says an input was rendered with is only read, and may be anything.
        check_value(value)
    except ValueRefused as refused:
        return {name + refused.at.replace("/", "."): f"{refused.message} {refused.remedy}"}
    if not schema:
        return {}
    try:
        validator = make_validator(schema)
    except SCHEMA_ERRORS as error:
        return {name: f"The flow's schema for this is wrong: {error}. Tell the flow's designer."}
    found: dict[str, str] = {}
    for fault in validator.iter_errors(value):
        lacking = getattr(fault.kind, "property", None) if fault.kind.name == "required" else None
        parts = [*fault.instance_path, *([lacking] if lacking else [])]
        path = ".".join([name, *(str(part) for part in parts)])
        found.setdefault(path, FILL_IN if lacking else _describe_fault(fault, zone))
    return found


def _describe_fault(fault: jsonschema_rs.ValidationError, zone: tzinfo | None) -> str:
    """Return what to do about the fault: the library's own message repeats whole lists of rows."""
    limit = getattr(fault.kind, "limit", None)
    asked = {
        "minItems": f"Add rows until there are {limit}.",
        "maxItems": f"Leave at most {limit}.",
        "uniqueItems": "The same is here twice: remove one.",
    }
    return (
        asked.get(fault.kind.name) or _describe_text(fault, zone) or _make_sentence(fault.message)
    )


def _describe_text(fault: jsonschema_rs.ValidationError, zone: tzinfo | None) -> str:
    """Return why a text is no number, date or time, and how it is written; "" for other faults."""
    if not isinstance(fault.instance, str):
        return ""
    kind: Json = fault.kind
    try:
        if kind.name == "type" and (kinds := NUMBERS & set(_list_kinds(kind))):
            read_number(fault.instance, whole="number" not in kinds)
        elif kind.name == "format" and kind.format == "date-time":
            read_instant(fault.instance, zone)
        elif kind.name == "format" and kind.format == "date":
            read_date(fault.instance)
    except ValueRefused as refusal:
        return str(refusal)
    return ""


def _list_kinds(kind: Json) -> list[str]:
    return [kind.types] if isinstance(kind.types, str) else list(kind.types)


def _make_sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith(".") else f"{text}."
