"""Compare two documents of a flow: as one graph, and field by field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.graph.codec import parse
from flows.graph.diff import ABSENT, Change, Diff, diff
from flows.graph.operations import normal_form
from flows.graph.problems import DocumentError
from flows.selectors.canvas import get_canvas_data

Json = Any


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field that differs. Values are JSON text, None where the field is absent."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class StepLines:
    """A step that was added, removed, changed or moved; ``step`` "" is the flow itself."""

    step: str
    title: str
    mark: str
    fields: tuple[FieldLine, ...] = ()


def compare_documents(old: Mapping[str, Json] | None, new: Mapping[str, Json]) -> Diff | None:
    """Return what differs, or None if one of them cannot be read as a document."""
    try:
        return diff(parse(old or _make_empty(new)), parse(new))
    except DocumentError:
        return None


def _make_empty(like: Mapping[str, Json]) -> dict[str, Json]:
    """Return an empty flow of the same name, as it was before the first version."""
    return {"schema": like.get("schema"), "name": like.get("name"), "steps": {}, "edges": []}


def list_step_lines(
    found: Diff, old: Mapping[str, Json] | None, new: Mapping[str, Json]
) -> list[StepLines]:
    """Return the changes by step: added and removed ones first, moved ones last."""
    titles = {
        name: step.get("title") or name
        for document in (old or {}, new)
        for name, step in (document.get("steps") or {}).items()
    }
    flow = tuple(_line(change) for change in found.flow_changes)
    lines = [StepLines("", "The flow", "changed", flow)] if flow else []
    lines += [StepLines(name, titles[name], "added") for name in found.added]
    lines += [StepLines(name, titles[name], "removed") for name in found.removed]
    for name in found.changed:
        fields = tuple(_line(change) for change in found.changes if change.step == name)
        lines.append(StepLines(name, titles[name], "changed", fields))
    still = [name for name in found.moved if name not in found.changed]
    return [*lines, *(StepLines(name, titles[name], "moved") for name in still)]


def _line(change: Change) -> FieldLine:
    return FieldLine(change.field, _text(change.old), _text(change.new))


def _text(value: Json) -> str | None:
    if value is ABSENT:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def get_comparison_canvas(
    old: Mapping[str, Json] | None, new: Mapping[str, Json]
) -> dict[str, Json]:
    """Return what <flow-canvas> loads: both documents in one, with the differences marked.

    What was removed is drawn where it was.
    """
    before, after = normal_form(old or _make_empty(new)), normal_form(new)
    found = compare_documents(old, new) or Diff()
    drawn = _merge(before, after, found)
    return {**get_canvas_data(drawn), "marks": _list_marks(found)}


def _merge(before: dict[str, Json], after: dict[str, Json], found: Diff) -> dict[str, Json]:
    removed = {name: before["steps"][name] for name in found.removed}
    places = {name: before["layout"][name] for name in removed if name in before["layout"]}
    return {
        **after,
        "steps": {**after["steps"], **removed},
        "edges": [*after["edges"], *(str(edge) for edge in found.edges_removed)],
        "layout": {**after["layout"], **places},
    }


def _list_marks(found: Diff) -> dict[str, dict[str, str]]:
    steps = {
        **dict.fromkeys(found.moved, "moved"),
        **dict.fromkeys(found.changed, "changed"),
        **dict.fromkeys(found.added, "added"),
        **dict.fromkeys(found.removed, "removed"),
    }
    edges = {
        **{str(edge): "added" for edge in found.edges_added},
        **{str(edge): "removed" for edge in found.edges_removed},
    }
    return {"steps": steps, "edges": edges}
