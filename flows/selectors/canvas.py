"""What the canvas draws: the palette's step types, each step's line and ports, icons, states."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from flows.steps.registry import UnknownStepType, all_step_types, get_step_type
from workbench.shell.icons import icon_markup
from workbench.shell.statuses import LOOKS

Json = Any
# Icons of the canvas itself, beside those of step types and states.
CANVAS_ICONS = (
    "arrow-left", "arrow-right", "box", "boxes", "chevron-down", "chevron-left", "chevron-right",
    "circle", "circle-alert", "clipboard", "clipboard-check", "copy", "download", "ellipsis",
    "fullscreen", "git-branch", "hand", "image", "map", "maximize-2", "minimize-2", "minus",
    "mouse-pointer-2", "network", "palette", "pencil", "plus", "redo-2", "rocket", "route",
    "scan-search",
    "search", "sliders-horizontal", "square-check", "sticky-note", "trash-2", "triangle-alert",
    "undo-2", "unplug", "zoom-in",
)  # fmt: skip


def list_step_types(used: Collection[str] = ()) -> list[Json]:
    """Return the palette: an entry for each step type, by category and title.

    Types that no palette offers are in it where they are ``used``, so that they can be drawn.
    """
    found = [each for each in all_step_types() if not each.part_of or each.name in used]
    types = sorted(found, key=lambda each: (each.category, each.title))
    return [
        {
            "name": each.name,
            "title": each.title,
            "summary": each.summary,
            "icon": each.icon,
            "category": each.category,
            "waits": each.waits,
            "line": each.describe({}),
            "ports": list(each.ports({})),
        }
        for each in types
    ]


def _list_types(document: Mapping[str, Json]) -> set[str]:
    steps = document.get("steps")
    found = steps.values() if isinstance(steps, Mapping) else ()
    return {str(step.get("type")) for step in found if isinstance(step, Mapping)}


def list_icons() -> dict[str, str]:
    """Return the inner SVG of each icon that a canvas may draw."""
    markup = icon_markup()
    named = {each.icon for each in all_step_types()} | {look.icon for look in LOOKS.values()}
    return {name: markup[name] for name in sorted({*named, *CANVAS_ICONS}) if name in markup}


def list_looks() -> dict[str, Json]:
    """Return icon, word and tone of each state."""
    return {state: {"icon": k.icon, "word": k.word, "tone": k.tone} for state, k in LOOKS.items()}


def get_canvas_data(document: Mapping[str, Json]) -> dict[str, Json]:
    """Return what <flow-canvas> loads: a document and everything that is needed to draw it."""
    return {
        "document": document,
        "faces": describe_steps(document),
        "types": list_step_types(_list_types(document)),
        "icons": list_icons(),
        "looks": list_looks(),
    }


@cache
def get_config_schema(type_name: str) -> Mapping[str, Json]:
    """Return the JSON Schema of a type's ``with``. Raises: UnknownStepType."""
    return get_step_type(type_name).Config.model_json_schema()


def describe_step(step: Mapping[str, Json]) -> Json:
    """Return ``{line, ports}`` of a step of a draft, however wrong its config is."""
    config = step.get("with")
    config = config if isinstance(config, dict) else {}
    try:
        step_type = get_step_type(str(step.get("type")))
    except UnknownStepType:
        return {"line": "Unknown step type", "ports": []}
    ports = [*step_type.ports(config), *step_type.optional_ports(config)]
    return {"line": step_type.describe(config), "ports": ports}


def describe_steps(
    document: Mapping[str, Json], only: Iterable[str] | None = None
) -> dict[str, Json]:
    """Return ``{line, ports}`` of each step, or of those named that are still there."""
    steps = document.get("steps") or {}
    names = steps if only is None else [each for each in set(only) if each in steps]
    return {name: describe_step(steps[name]) for name in names}


def list_touched_steps(operation: Mapping[str, Json]) -> set[str]:
    """Return the steps whose line or ports an operation may have changed."""
    kind = operation.get("op")
    if kind == "batch":
        return {name for each in operation["operations"] for name in list_touched_steps(each)}
    if kind == "replace":
        return set(operation["document"].get("steps") or {})
    keys = {"add_step": "id", "set_field": "step", "rename_step": "to"}
    return {str(operation[keys[kind]])} if kind in keys else set()
