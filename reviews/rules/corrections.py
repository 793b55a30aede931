"""The values of a case that an answer to a question may correct. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from reviews.errors import DecisionInvalid
from reviews.rules.answers import (
    find_schema_problems,
    get_field_schema,
    list_editable,
    list_shown_fields,
)
from reviews.rules.posted import infer_type

Json = Any


def check_opened(keys: Collection[str], shown: Mapping[str, Json]) -> list[str]:
    """Return the keys without repetition, in the order of the case. Raises: DecisionInvalid."""
    known = list_editable(shown)
    if unknown := sorted(set(keys) - set(known)):
        names = ", ".join(known) or "none on this case"
        raise DecisionInvalid(
            {"fields": f"{', '.join(unknown)} cannot be corrected. Those that can are: {names}."}
        )
    return [key for key in known if key in keys]


def make_correction_form(
    keys: Collection[str], shown: Mapping[str, Json], fields: Mapping[str, Json]
) -> dict[str, Json]:
    """Return the JSON Schema of a form in which these fields are corrected."""
    parts = {}
    for each in list_shown_fields(shown):
        key = each.get("key")
        if key and key in keys:
            schema = each.get("schema") or {"type": infer_type(fields.get(key))}
            parts[key] = {"title": each["label"], "description": each.get("unit", ""), **schema}
    return {"type": "object", "properties": parts}


def check_changes(
    changes: Mapping[str, Json],
    shown: Mapping[str, Json],
    fields: Mapping[str, Json],
    *,
    opened: Collection[str],
) -> dict[str, Json]:
    """Return the changes that differ from the present values.

    Raises: DecisionInvalid with each field that was not opened, or whose new value does not fit.
    """
    known = {each.get("key"): each for each in list_shown_fields(shown)}
    problems: dict[str, str] = {}
    for key, new in changes.items():
        if key not in fields:
            problems[f"fields.{key}"] = f"There is no field {key}."
        elif key not in opened:
            problems[f"fields.{key}"] = f"The question does not open {key}: leave it out."
        else:
            schema = get_field_schema(known.get(key) or {}, fields[key], new)
            problems |= find_schema_problems(schema, new, f"fields.{key}")
    if problems:
        raise DecisionInvalid(problems)
    return {key: new for key, new in changes.items() if fields[key] != new}
