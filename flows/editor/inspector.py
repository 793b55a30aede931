"""What the inspector shows of one step of a draft."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.editor.fields import Field, object_fields, suggestions
from flows.editor.running import running_groups
from flows.graph.operations import parse_edge
from flows.selectors.canvas import get_config_schema
from flows.steps.registry import UnknownStepType, get_step_type

Json = Any


def inspector_context(
    document: Mapping[str, Json], step_id: str, problems: Sequence[Json]
) -> dict[str, Json]:
    """Return the template's context for one step of a draft in normal form."""
    step = document["steps"][step_id]
    mine = [each for each in problems if each["step"] == step_id]
    try:
        step_type = get_step_type(step["type"])
    except UnknownStepType:
        step_type = None
    fields = config_fields(step, mine) if step_type else []
    groups = running_groups(document, step_id, step_type, mine)
    all_fields = [*fields, *(each for group in groups for each in group.fields)]
    shown = {name for each in all_fields for name in names_of(each)}
    return {
        "step_id": step_id,
        "step": step,
        "type": step_type,
        "fields": fields,
        "groups": groups,
        "problems": [each for each in mine if each["field"] not in shown],
        "suggestions": suggestions(document, step_id),
        "leads": [parse_edge(e) for e in document["edges"] if parse_edge(e)[0] == step_id],
    }


def names_of(each: Field) -> list[str]:
    """Return the names under which a field shows its problems."""
    own = [problem["field"] for problem in each.problems]
    return [
        each.name,
        *own,
        *(name for part in (*each.fields, *each.items) for name in names_of(part)),
    ]


def config_fields(step: Mapping[str, Json], problems: Sequence[Json]) -> list[Field]:
    """Return the fields of ``with``; those that must be filled in come first."""
    schema = get_config_schema(step["type"])
    config = step.get("with")
    found = object_fields(
        schema,
        schema.get("$defs", {}),
        config if isinstance(config, dict) else {},
        "/with",
        problems,
    )
    return sorted(found, key=lambda each: not each.required)
