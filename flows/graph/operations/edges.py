"""Operations on edges, which are texts: ``source.port -> target``."""

import re

from flows.graph.operations.arguments import read_index, read_text
from flows.graph.operations.refusals import OperationRefused, malformed
from flows.graph.operations.sections import find_step
from flows.graph.operations.values import Json, Mapped, Result, insert

EDGE = re.compile(r"\s*([^\s.>]+)\.([^\s.>]+)\s*->\s*([^\s.>]+)\s*")


def connect(document: Mapped, op: Mapped) -> Result:
    """Add an edge. ``{edge, index?}``"""
    edge = read_new_edge(document, op, "edge")
    index = read_index(op.get("index", len(document["edges"])))
    changed = {**document, "edges": insert(document["edges"], edge, index)}
    return changed, {"op": "disconnect", "edge": edge}


def disconnect(document: Mapped, op: Mapped) -> Result:
    """Remove an edge. ``{edge}``"""
    edge = find_edge(document, op)
    index = document["edges"].index(edge)
    edges = document["edges"][:index] + document["edges"][index + 1 :]
    return {**document, "edges": edges}, {"op": "connect", "edge": edge, "index": index}


def reconnect(document: Mapped, op: Mapped) -> Result:
    """Turn the edge ``edge`` into ``to``, in its place in the list. ``{edge, to}``"""
    edge, to = find_edge(document, op), read_new_edge(document, op, "to")
    edges = [to if each == edge else each for each in document["edges"]]
    return {**document, "edges": edges}, {"op": "reconnect", "edge": to, "to": edge}


# --- An edge's text -----------------------------------------------------------------------------


def parse_edge(edge: Json) -> tuple[str, str, str]:
    """Return source, port and target of ``source.port -> target``."""
    found = EDGE.fullmatch(edge) if isinstance(edge, str) else None
    if found is None:
        raise malformed(f"`{edge}` is not an edge: write `step.port -> step`.")
    return found[1], found[2], found[3]


def format_edge(source: str, port: str, target: str) -> str:
    """Return the edge as the document holds it."""
    return f"{source}.{port} -> {target}"


def rename_ends(edge: str, old: str, new: str) -> str:
    """Return the edge with a step renamed at either end."""
    source, port, target = parse_edge(edge)
    if old not in (source, target):
        return edge
    return format_edge(new if source == old else source, port, new if target == old else target)


# --- Edges that an operation names --------------------------------------------------------------


def read_new_edge(document: Mapped, op: Mapped, key: str) -> str:
    """Return the edge at the key, which must join two steps and not be there yet."""
    source, port, target = parse_edge(op.get(key))
    find_step(document, source)
    find_step(document, target)
    edge = format_edge(source, port, target)
    if edge in document["edges"]:
        raise OperationRefused(
            "edge_exists", f"The edge `{edge}` is already in the flow.", "Leave it as it is."
        )
    return edge


def find_edge(document: Mapped, op: Mapped) -> str:
    """Return ``edge``, which must be in the flow."""
    edge = read_text(op, "edge")
    if edge not in document["edges"]:
        raise OperationRefused(
            "edge_missing",
            f"The edge `{edge}` is no longer in the flow.",
            "Somebody may have removed it: connect the steps again, or leave this edit.",
        )
    return edge
