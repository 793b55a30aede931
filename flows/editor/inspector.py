"""What the inspector shows of one step of a draft."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.editor.execution_fields import list_execution_groups
from flows.editor.fields import Field, build_object_fields, list_suggestions
from flows.editor.picking import Picks
from flows.graph.operations import parse_edge
from flows.selectors.canvas import get_config_schema
from flows.steps.registry import UnknownStepType, get_step_type

Json = Any


def get_inspector_context(
    document: Mapping[str, Json], step_id: str, problems: Sequence[Json], person: Any
) -> dict[str, Json]:
    """Return the template's context for one step of a draft in normal form."""
    step = document["steps"][step_id]
    mine = [each for each in problems if each["step"] == step_id]
    try:
        step_type = get_step_type(step["type"])
    except UnknownStepType:
        step_type = None
    fields = build_config_fields(step, mine) if step_type else []
    if step_type:
        picks = Picks.of(str(document["name"]), person, get_config_schema(step["type"]))
        add_offers(fields, picks)
    groups = list_execution_groups(document, step_id, step_type, mine)
    all_fields = [*fields, *(each for group in groups for each in group.fields)]
    shown = {name for each in all_fields for name in list_names(each)}
    return {
        "step_id": step_id,
        "step": step,
        "type": step_type,
        "fields": fields,
        "groups": groups,
        "problems": [each for each in mine if each["field"] not in shown],
        "suggestions": list_suggestions(document, step_id),
        "leads": [parse_edge(e) for e in document["edges"] if parse_edge(e)[0] == step_id],
    }


def add_offers(fields: Sequence[Field], picks: Picks) -> None:
    """Give each field whose value names something what it may name."""
    for each in fields:
        if each.picks:
            each.offer = picks.get(each.picks)
        add_offers([*each.fields, *each.items], picks)


def list_names(each: Field) -> list[str]:
    """Return the names of the problems that a field, or a part of it, shows."""
    own = [problem["field"] for problem in each.problems]
    return [
        each.name,
        *own,
        *(name for part in (*each.fields, *each.items) for name in list_names(part)),
    ]


def build_config_fields(step: Mapping[str, Json], problems: Sequence[Json]) -> list[Field]:
    """Return the fields of ``with``, the required ones first."""
    schema = get_config_schema(step["type"])
    config = step.get("with")
    found = build_object_fields(
        schema,
        schema.get("$defs", {}),
        config if isinstance(config, dict) else {},
        "/with",
        problems,
    )
    return sorted(found, key=lambda each: not each.required)
