"""Rules on edges and ports."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from flows.graph.fixes import (
    connect_to_end,
    disconnect,
    reconnect_to_closest_port,
    reconnect_to_closest_steps,
)
from flows.graph.problems import Problem, error, join_names, suggest, warning
from flows.graph.rules_config import CHECKPOINT
from flows.graph.view import View

# Decisions a reviewer can always make: without an edge the run would end there unnoticed.
_DECISIONS = ("approved", "rejected")


def check_edge_ends(view: View) -> Iterator[Problem]:
    for index, edge in enumerate(view.document.edges):
        field = f"edges[{index}]"
        if edge.source not in view.steps:
            yield error(
                "edge.unknown_source",
                "",
                field,
                f"The edge {edge} starts at {edge.source}, which does not exist.",
                suggest(edge.source, view.steps),
                fix=reconnect_to_closest_steps(view, edge),
            )
        if edge.target not in view.steps:
            step = edge.source if edge.source in view.steps else ""
            yield error(
                "edge.unknown_target",
                step,
                field,
                f"The edge {edge} leads to {edge.target}, which does not exist.",
                suggest(edge.target, view.steps),
                fix=reconnect_to_closest_steps(view, edge),
            )


def check_edge_ports(view: View) -> Iterator[Problem]:
    for index, edge in enumerate(view.document.edges):
        if edge.source not in view.steps or view.facts(edge.source) is None:
            continue
        ports = view.all_ports(edge.source)
        if edge.port in ports:
            continue
        remedy = (
            f"Use {join_names(ports)}." if ports else "Remove the edge: this step ends its path."
        )
        if edge.port == "limit":
            remedy = "Give the step `max_visits`, which opens the port limit."
        yield error(
            "edge.unknown_port",
            edge.source,
            f"edges[{index}]",
            f"{edge.source} has no port {edge.port}.",
            remedy,
            fix=reconnect_to_closest_port(view, edge),
        )


def check_duplicate_edges(view: View) -> Iterator[Problem]:
    for edge, count in Counter(view.document.edges).items():
        if count > 1:
            yield error(
                "edge.twice",
                edge.source if edge.source in view.steps else "",
                "edges",
                f"The edge {edge} appears {count} times: its step would run as often.",
                "Keep one of them.",
                fix=disconnect(edge) * (count - 1),
            )


def check_open_ports(view: View) -> Iterator[Problem]:
    """Warn of ports without an edge. A step with a single port may be meant to end the flow."""
    taken = {(edge.source, edge.port) for edge in view.document.edges}
    for name, step in view.steps.items():
        ports = view.ports(name)
        if step.type == CHECKPOINT:
            ports = tuple(port for port in ports if port in _DECISIONS)
        elif len(ports) == 1:
            continue
        for port in ports:
            if (name, port) not in taken:
                yield warning(
                    "port.open",
                    name,
                    "",
                    f"No edge leaves by the port {port}: a run that takes it ends there.",
                    f"Connect {name}.{port}, for example to an end step.",
                    fix=connect_to_end(view, name, port) or None,
                )


EDGE_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    check_edge_ends,
    check_edge_ports,
    check_duplicate_edges,
    check_open_ports,
)
