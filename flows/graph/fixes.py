"""Edits that mend a fault, where one edit is sure to be right. Pure; see Problem.fix."""

from collections.abc import Iterator
from typing import Any

from flows.graph.codec import to_mapping
from flows.graph.model import Edge, Json
from flows.graph.problems import closest
from flows.graph.references import rename_references
from flows.graph.view import View

Operations = list[dict[str, Any]]
END = "end"
BESIDE = 336  # from one column of cards to the next
BELOW = 144


def cut(edge: Edge) -> Operations:
    return [{"op": "disconnect", "edge": str(edge)}]


def lead_aright(view: View, edge: Edge) -> Operations:
    """Return what leads a dangling edge to the steps it nearly names, else what removes it."""
    source, target = closest(edge.source, view.steps), closest(edge.target, view.steps)
    return moved(view, edge, Edge(source, edge.port, target)) if source and target else cut(edge)


def leave_by_nearest(view: View, edge: Edge) -> Operations | None:
    """Return what moves an edge to the port it nearly names."""
    ports = view.all_ports(edge.source)
    if not ports:
        return cut(edge)
    if edge.port == "limit":
        return limit_visits(edge.source)
    port = closest(edge.port, ports)
    return moved(view, edge, Edge(edge.source, port, edge.target)) if port else None


def moved(view: View, edge: Edge, to: Edge) -> Operations:
    if to in view.document.edges:
        return cut(edge)
    return [{"op": "reconnect", "edge": str(edge), "to": str(to)}]


def limit_visits(step: str) -> Operations:
    return [{"op": "set_field", "step": step, "path": "/max_visits", "value": 5}]


def end_port(view: View, step: str, port: str) -> Operations:
    """Return what leads a port to the end of its name, which is added where there is none.

    The path ends there anyway: the edit only says so, and gives the run an outcome.
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


def rename_everywhere(view: View, old: str) -> Operations | None:
    """Return what lets every expression name the step that ``old`` nearly names."""
    new = closest(old, view.steps)
    if new is None:
        return None
    before = to_mapping(view.document)
    after, _ = rename_references({"steps": {}, **before}, old, new, {})
    edits = [
        *(
            {"op": "set_field", "step": step, "path": path, "value": text, "old": was}
            for step in before.get("steps", {})
            for path, was, text in changed(before["steps"][step], after["steps"][step])
        ),
        *(
            {"op": "set_flow", "path": f"/output{path}", "value": text, "old": was}
            for path, was, text in changed(before.get("output"), after.get("output"))
        ),
    ]
    places = "1 expression" if len(edits) == 1 else f"{len(edits)} expressions"
    label = f"Rename {old} to {new} in {places}"
    return [{"op": "batch", "label": label, "operations": edits}] if edits else None


def changed(old: Json, new: Json, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield pointer, old and new of each text that differs; both have one shape."""
    if isinstance(old, str):
        if old != new:
            yield path, old, new
    elif isinstance(old, dict):
        for key in old:
            step = str(key).replace("~", "~0").replace("/", "~1")
            yield from changed(old[key], new[key], f"{path}/{step}")
    elif isinstance(old, list | tuple):
        for index, each in enumerate(old):
            yield from changed(each, new[index], f"{path}/{index}")
