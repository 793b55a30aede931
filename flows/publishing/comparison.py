"""Two documents of a flow: drawn as one graph, and told field by field."""

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
    """A field that differs. An absent side is None; values are JSON text."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class StepLines:
    """What became of a step: added, removed, changed or moved; ``step`` "" is the flow itself."""

    step: str
    title: str
    mark: str
    fields: tuple[FieldLine, ...] = ()


def compare_documents(old: Mapping[str, Json] | None, new: Mapping[str, Json]) -> Diff | None:
    """Return what differs; None if one of them cannot be read as a document."""
    try:
        return diff(parse(old or _nothing(new)), parse(new))
    except DocumentError:
        return None


def _nothing(like: Mapping[str, Json]) -> dict[str, Json]:
    """Before the first version there was an empty flow of the same name."""
    return {"schema": like.get("schema"), "name": like.get("name"), "steps": {}, "edges": []}


def step_lines(
    found: Diff, old: Mapping[str, Json] | None, new: Mapping[str, Json]
) -> list[StepLines]:
    """Return the changes by step, what is new or gone first; moves come last."""
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


def comparison_canvas(old: Mapping[str, Json] | None, new: Mapping[str, Json]) -> dict[str, Json]:
    """Return what <flow-canvas> loads: both documents as one, each difference marked.

    What was removed is drawn where it stood.
    """
    before, after = normal_form(old or _nothing(new)), normal_form(new)
    found = compare_documents(old, new) or Diff()
    gone = {name: before["steps"][name] for name in found.removed}
    lost = [str(edge) for edge in found.edges_removed]
    places = {name: before["layout"][name] for name in gone if name in before["layout"]}
    drawn = {
        **after,
        "steps": {**after["steps"], **gone},
        "edges": [*after["edges"], *lost],
        "layout": {**after["layout"], **places},
    }
    steps = {
        **dict.fromkeys(found.moved, "moved"),
        **dict.fromkeys(found.changed, "changed"),
        **dict.fromkeys(found.added, "added"),
        **dict.fromkeys(found.removed, "removed"),
    }
    edges = {
        **{str(edge): "added" for edge in found.edges_added},
        **dict.fromkeys(lost, "removed"),
    }
    return {**get_canvas_data(drawn), "marks": {"steps": steps, "edges": edges}}
