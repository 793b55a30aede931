"""Small graphs, written as the document writes them."""

from collections.abc import Mapping
from typing import Any

from flows.engine.graph import Graph, compile_graph
from flows.graph.model import Document, Edge, Step
from flows.graph.rework import Asking


def graph(*lines: str, **steps: Mapping[str, Any]) -> Graph:
    """Build a graph from ``a -> b`` (port done) or ``a.port -> b`` lines.

    Keyword arguments give a step's config, with ``type``, ``max_visits`` and ``compensate`` taken
    out of it.
    """
    edges = [_edge(line) for line in lines]
    names = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    names.update(dict.fromkeys(steps))
    made = {name: _step(name, dict(steps.get(name, {}))) for name in names}
    document = Document(name="flow", steps=made, edges=tuple(edges))
    return compile_graph(document, {"work": False, "case": True}, {"case": _ask})


def _edge(line: str) -> Edge:
    source, target = line.split(" -> ")
    name, _, port = source.partition(".")
    return Edge(name, port or "done", target)


def _step(name: str, config: dict[str, Any]) -> Step:
    kind = config.pop("type", "work")
    max_visits = config.pop("max_visits", None)
    compensate = config.pop("compensate", None)
    return Step(id=name, type=kind, config=config, max_visits=max_visits, compensate=compensate)


def _ask(config: Mapping[str, Any]) -> Asking:
    """A case asks people, as `review.case` does."""
    return Asking(
        returns=frozenset({"rework"}),
        onward=frozenset({"corrected"}),
        alone=frozenset(config.get("after_rework", ())),
    )
