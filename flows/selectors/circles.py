"""Flows that call one another in a circle."""

from collections.abc import Mapping
from typing import Any

from flows.graph.problems import Problem
from flows.models import Flow

Json = Any
CALLING_TYPES = frozenset({"subflow", "for_each"})
MOST_FLOWS = 100


def list_circles(document: Mapping[str, Json]) -> list[Problem]:
    """Return a warning for each step by whose call the flow may come back to itself.

    The flow's own calls are those of the document; those of the others, of their released versions.
    One query for each level of calls, and none where nothing is called.
    """
    name = str(document.get("name"))
    steps = _list_calls(document)
    calls = _read_calls(set(steps.values()) - {name}) if steps else {}
    return [
        _warn(step, path)
        for step, called in steps.items()
        if (path := _find_way(called, name, calls))
    ]


def _list_calls(document: Mapping[str, Json]) -> dict[str, str]:
    """Return the flow that each calling step names; one that an expression names is not known."""
    steps = document.get("steps")
    found = {}
    for step_id, step in steps.items() if isinstance(steps, Mapping) else ():
        config = step.get("with") if isinstance(step, Mapping) else None
        called = config.get("flow") if isinstance(config, Mapping) else None
        if isinstance(called, str) and step.get("type") in CALLING_TYPES:
            found[step_id] = called
    return found


def _read_calls(names: set[str]) -> dict[str, set[str]]:
    """Return which flows each of the flows calls, and those call, and so on."""
    calls: dict[str, set[str]] = {}
    while (unread := names - calls.keys()) and len(calls) < MOST_FLOWS:
        rows = Flow.objects.filter(name__in=list(unread)[:MOST_FLOWS])
        documents = dict(rows.values_list("name", "released__document"))
        calls |= {each: set(_list_calls(documents.get(each) or {}).values()) for each in unread}
        names = set().union(*(calls[each] for each in unread))
    return calls


def _find_way(start: str, end: str, calls: Mapping[str, set[str]]) -> list[str]:
    """Return the flows on a way from one to the other, both included, or nothing."""
    ways, seen = [[start]], {start}
    for way in ways:
        if way[-1] == end:
            return way
        for called in sorted(calls.get(way[-1], set()) - seen):
            seen.add(called)
            ways.append([*way, called])
    return []


def _warn(step: str, way: list[str]) -> Problem:
    circle = " calls ".join([way[-1], *way])
    return Problem(
        "warning",
        "flow.circle",
        step,
        "with.flow",
        f"The flow may call itself without end: {circle}.",
        "See that a condition ends the circle; a run may not lead to runs without limit.",
    )
