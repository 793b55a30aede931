"""The difference between two documents, for the canvas and as text."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.graph.codec import to_mapping
from flows.graph.json_values import Path, format_path
from flows.graph.model import Document, Edge, Json

_FLOW_FIELDS = (
    "name", "title", "description", "lane", "input", "output", "notes", "groups", "samples",
    "tests",
)  # fmt: skip
_LONGEST = 70


class _Absent:
    """The value of a field on the side that does not have it."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """A changed field. ``old`` or ``new`` is ABSENT where that side does not have it.

    ``step`` is "" for a field of the flow; ``field`` is a path such as ``with.cases[0].when``.
    """

    step: str
    field: str
    old: Json
    new: Json

    def __str__(self) -> str:
        if isinstance(self.old, _Absent):
            return f"{self.field}: added {_shorten(self.new)}"
        if isinstance(self.new, _Absent):
            return f"{self.field}: removed {_shorten(self.old)}"
        return f"{self.field}: {_shorten(self.old)} → {_shorten(self.new)}"


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs. ``added``, ``removed``, ``changed`` and ``moved`` name steps.

    A moved step has another place on the canvas. ``changes`` holds each changed field of the steps
    that are on both sides, ``flow_changes`` those of the flow itself; ``reordered`` says that the
    steps stand in another order. True if anything differs, even if only a place.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    edges_added: tuple[Edge, ...] = ()
    edges_removed: tuple[Edge, ...] = ()
    flow_changes: tuple[Change, ...] = ()
    reordered: bool = False

    def __bool__(self) -> bool:
        return self.reordered or self.changes_behaviour or bool(self.moved or self.flow_changes)

    @property
    def changes_behaviour(self) -> bool:
        """Whether runs could differ. Places, titles, notes and runbooks do not count."""
        flow = any(change.field.startswith(("input", "output")) for change in self.flow_changes)
        steps = any(not change.field.startswith(("title", "runbook")) for change in self.changes)
        edges = self.edges_added or self.edges_removed
        return bool(flow or steps or self.added or self.removed or edges)

    def as_text(self) -> str:
        """Return the difference as lines of plain text, ending with a line break."""
        return "\n".join(_list_lines(self)) + "\n"


def diff(old: Document, new: Document) -> Diff:
    """Return what differs, step by step and field by field. The order of edges does not count."""
    before, after = to_mapping(old), to_mapping(new)
    both = [name for name in new.steps if name in old.steps]
    changes = tuple(
        change
        for name in both
        for change in _compare(name, before["steps"][name], after["steps"][name], ())
    )
    changed = tuple(dict.fromkeys(change.step for change in changes))
    return Diff(
        added=tuple(name for name in new.steps if name not in old.steps),
        removed=tuple(name for name in old.steps if name not in new.steps),
        changed=changed,
        moved=tuple(name for name in both if old.layout.get(name) != new.layout.get(name)),
        changes=changes,
        edges_added=_list_missing(new.edges, old.edges),
        edges_removed=_list_missing(old.edges, new.edges),
        flow_changes=tuple(_list_flow_changes(before, after)),
        reordered=both != [name for name in old.steps if name in new.steps],
    )


def _list_missing(edges: tuple[Edge, ...], others: tuple[Edge, ...]) -> tuple[Edge, ...]:
    left = list(others)
    found = []
    for edge in edges:
        if edge in left:
            left.remove(edge)
        else:
            found.append(edge)
    return tuple(found)


def _list_flow_changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for field in _FLOW_FIELDS:
        yield from _compare("", before.get(field, ABSENT), after.get(field, ABSENT), (field,))


def _compare(step: str, old: Json, new: Json, path: Path) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _compare(step, old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            left, right = (each[index] if index < len(each) else ABSENT for each in (old, new))
            yield from _compare(step, left, right, (*path, index))
    elif type(old) is not type(new) or old != new:
        yield Change(step, format_path(path), old, new)


def _shorten(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _list_lines(found: Diff) -> Iterator[str]:
    if not found:
        yield "No difference."
    yield from (f"~ flow {change}" for change in found.flow_changes)
    yield from (f"+ step {name}" for name in found.added)
    yield from (f"- step {name}" for name in found.removed)
    for name in found.changed:
        yield f"~ step {name}"
        yield from (f"    {change}" for change in found.changes if change.step == name)
    yield from (f"+ edge {edge}" for edge in found.edges_added)
    yield from (f"- edge {edge}" for edge in found.edges_removed)
    yield from (f"> step {name} moved" for name in found.moved)
    if found.reordered:
        yield "> steps reordered"
