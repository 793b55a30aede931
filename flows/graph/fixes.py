"""Fixes: the edit that corrects a problem, where only one can be right. Pure; see Problem.fix."""

from collections.abc import Iterator
from typing import Any

from flows.graph.codec import to_mapping
from flows.graph.model import Edge, Json
from flows.graph.problems import find_closest
from flows.graph.references import escape_key, rename_references
from flows.graph.view import View

Operations = list[dict[str, Any]]
END = "end"
BESIDE = 336  # from one column of cards to the next
BELOW = 144


def disconnect(edge: Edge) -> Operations:
    """Return the edit that removes the edge."""
    return [{"op": "disconnect", "edge": str(edge)}]


def reconnect_to_closest_steps(view: View, edge: Edge) -> Operations:
    """Return the edit that leads an edge to the steps it nearly names, or else removes it."""
    source, target = find_closest(edge.source, view.steps), find_closest(edge.target, view.steps)
    return (
        reconnect(view, edge, Edge(source, edge.port, target))
        if source and target
        else disconnect(edge)
    )


def reconnect_to_closest_port(view: View, edge: Edge) -> Operations | None:
    """Return the edit that moves an edge to the port it nearly names, or None if there is none."""
    ports = view.all_ports(edge.source)
    if not ports:
        return disconnect(edge)
    if edge.port == "limit":
        return limit_visits(edge.source)
    port = find_closest(edge.port, ports)
    return reconnect(view, edge, Edge(edge.source, port, edge.target)) if port else None


def reconnect(view: View, edge: Edge, to: Edge) -> Operations:
    """Return the edit that turns one edge into another, or removes it where that is there."""
    if to in view.document.edges:
        return disconnect(edge)
    return [{"op": "reconnect", "edge": str(edge), "to": str(to)}]


def limit_visits(step: str) -> Operations:
    """Return the edit that limits how often a run may come to the step."""
    return [{"op": "set_field", "step": step, "path": "/max_visits", "value": 5}]


def connect_to_end(view: View, step: str, port: str) -> Operations:
    """Return the edit that connects a port to an end of the same name, adding one if need be.

    The path ends at the port anyway: the edit only shows it, and gives the run an outcome.
    """
    for name, each in view.steps.items():
        if each.type == END and port in {name, each.config.get("outcome")}:
            return [{"op": "connect", "edge": str(Edge(step, port, name))}]
    name = port if port not in view.steps else f"{step}_{port}"
    if END not in view.catalogue or name in view.steps:
        return []
    added: dict[str, Any] = {
        "op": "add_step", "id": name,
        "step": {"type": END, "title": port.replace("_", " ").capitalize(),
                 "with": {"outcome": port}},
    }  # fmt: skip
    if place := view.document.layout.get(step):
        below = BELOW * (1 + list(view.ports(step)).index(port))
        added["at"] = [place[0] + BESIDE, place[1] + below]
    connect = {"op": "connect", "edge": str(Edge(step, port, name))}
    label = f"Connect port {port} to a new end"
    return [{"op": "batch", "label": label, "operations": [added, connect]}]


def rename_in_expressions(view: View, old: str) -> Operations | None:
    """Return the edit that renames ``old`` in expressions to the step it nearly names, or None."""
    new = find_closest(old, view.steps)
    if new is None:
        return None
    before = to_mapping(view.document)
    after, _ = rename_references({"steps": {}, **before}, old, new, {})
    edits = [
        *(
            {"op": "set_field", "step": step, "path": path, "value": text, "old": was}
            for step in before.get("steps", {})
            for path, was, text in find_changed_texts(before["steps"][step], after["steps"][step])
        ),
        *(
            {"op": "set_flow", "path": f"/output{path}", "value": text, "old": was}
            for path, was, text in find_changed_texts(before.get("output"), after.get("output"))
        ),
    ]
    places = "1 expression" if len(edits) == 1 else f"{len(edits)} expressions"
    label = f"Rename {old} to {new} in {places}"
    return [{"op": "batch", "label": label, "operations": edits}] if edits else None


def find_changed_texts(old: Json, new: Json, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield pointer, old and new text where the two, which have the same shape, differ."""
    if isinstance(old, str):
        if old != new:
            yield path, old, new
    elif isinstance(old, dict):
        for key in old:
            yield from find_changed_texts(old[key], new[key], f"{path}/{escape_key(str(key))}")
    elif isinstance(old, list | tuple):
        for index, each in enumerate(old):
            yield from find_changed_texts(each, new[index], f"{path}/{index}")
