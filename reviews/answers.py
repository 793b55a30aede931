"""What a reviewer sends, checked against what the case asks. Pure but for the schema library."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from reviews.errors import DecisionInvalid

Json = Any
COMMENT_MAX = 10_000
# Returning work without saying what to do wastes a round.
NEEDS_COMMENT = frozenset({"rework"})
NOT_OUTCOMES = frozenset({"information", "escalation"})


@dataclass(frozen=True, slots=True)
class Answer:
    """``fields`` are the new values by key, ``why`` the reasons for changing them."""

    outcome: str
    reasons: tuple[str, ...] = ()
    comment: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Json] = field(default_factory=dict)
    opened: tuple[str, ...] = ()
    active_seconds: int = 0


def check_answer(
    answer: Answer,
    *,
    rules: Mapping[str, Json],
    shown: Mapping[str, Json],
    fields: Mapping[str, Json],
) -> list[dict[str, Json]]:
    """Return the overrides, ``[{"field", "old", "new", "reason"}]``.

    Raises: DecisionInvalid with every problem at once.
    """
    problems: dict[str, str] = {}
    outcomes = outcomes_of(rules)
    if answer.outcome not in outcomes:
        problems["outcome"] = f"Choose one of {', '.join(outcomes)}."
    problems |= _reason_problems(answer, rules)
    problems |= _comment_problems(answer)
    problems |= _evidence_problems(answer, rules)
    overrides = overrides_of(answer, shown, fields)
    problems |= _override_problems(overrides, shown)
    problems |= schema_problems(rules.get("form") or {}, dict(answer.form), "form")
    if problems:
        raise DecisionInvalid(problems)
    return overrides


def outcomes_of(rules: Mapping[str, Json]) -> list[str]:
    return [name for name in rules.get("allow", ()) if name not in NOT_OUTCOMES]


def _reason_problems(answer: Answer, rules: Mapping[str, Json]) -> dict[str, str]:
    codes = [choice["code"] for choice in rules.get("reason_codes", {}).get(answer.outcome, ())]
    if codes and not answer.reasons:
        return {"reasons": f"Choose at least one reason: {', '.join(codes)}."}
    if unknown := [code for code in answer.reasons if code not in codes]:
        known = ", ".join(codes) or "none for this outcome"
        return {"reasons": f"Unknown reason {', '.join(unknown)}. Known are: {known}."}
    return {}


def _comment_problems(answer: Answer) -> dict[str, str]:
    if len(answer.comment) > COMMENT_MAX:
        return {"comment": f"Shorten the comment to {COMMENT_MAX} characters."}
    if answer.outcome in NEEDS_COMMENT and not answer.comment.strip():
        return {"comment": "Say what is to be done differently."}
    return {}


def _evidence_problems(answer: Answer, rules: Mapping[str, Json]) -> dict[str, str]:
    if answer.outcome != "approved":
        return {}
    unseen = [key for key in rules.get("required_evidence", ()) if key not in answer.opened]
    return {"evidence": f"Open {', '.join(unseen)} before approving."} if unseen else {}


def shown_fields(shown: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    for group in shown.get("show", ()):
        yield from group.get("fields") or ()


def overrides_of(
    answer: Answer, shown: Mapping[str, Json], fields: Mapping[str, Json]
) -> list[dict[str, Json]]:
    """Return what differs from the values that stand; typing the same value is no override."""
    return [
        {"field": key, "old": fields.get(key), "new": new, "reason": answer.why.get(key, "")}
        for key, new in sorted(answer.fields.items())
        if key not in fields or fields[key] != new
    ]


def _override_problems(
    overrides: list[dict[str, Json]], shown: Mapping[str, Json]
) -> dict[str, str]:
    problems = {}
    known = {field["key"]: field for field in shown_fields(shown) if field.get("key")}
    for override in overrides:
        key = override["field"]
        name = f"fields.{key}"
        if key not in known or not known[key].get("editable"):
            problems[name] = f"The field {key} cannot be changed on this case."
            continue
        problems |= schema_problems(known[key].get("schema") or {}, override["new"], name)
    return problems


def schema_problems(schema: Mapping[str, Json], value: Json, name: str) -> dict[str, str]:
    """Return what is wrong with the value, by the path to it: ``form.conditions``."""
    if not schema:
        return {}
    try:
        validator = jsonschema_rs.validator_for(dict(schema), retriever=_refuse_references)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        return {name: f"The flow's schema for this is wrong: {error}. Tell the flow's designer."}
    found: dict[str, str] = {}
    for fault in validator.iter_errors(value):
        path = ".".join([name, *(str(part) for part in fault.instance_path)])
        found.setdefault(path, _sentence(fault.message))
    return found


def _refuse_references(uri: str) -> Json:
    raise ValueError(f"a schema may not refer to {uri}: write it out in place")


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith(".") else f"{text}."
