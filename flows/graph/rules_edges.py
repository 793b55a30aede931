"""Rules on edges and ports."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from flows.graph.fixes import cut, end_port, lead_aright, leave_by_nearest
from flows.graph.problems import Problem, listed, suggestion
from flows.graph.rules_config import CHECKPOINT, error, warning
from flows.graph.view import View

# What a reviewer can always choose: without an edge the run would end there, unseen.
_DECISIONS = ("approved", "rejected")


def edge_ends(view: View) -> Iterator[Problem]:
    for index, edge in enumerate(view.document.edges):
        field = f"edges[{index}]"
        if edge.source not in view.steps:
            yield error("edge.unknown_source", "", field,
                        f"{edge} begins at {edge.source}, which is not there.",
                        suggestion(edge.source, view.steps),
                        fix=lead_aright(view, edge))  # fmt: skip
        if edge.target not in view.steps:
            step = edge.source if edge.source in view.steps else ""
            yield error("edge.unknown_target", step, field,
                        f"{edge} leads to {edge.target}, which is not there.",
                        suggestion(edge.target, view.steps),
                        fix=lead_aright(view, edge))  # fmt: skip


def edge_ports(view: View) -> Iterator[Problem]:
    for index, edge in enumerate(view.document.edges):
        if edge.source not in view.steps or view.facts(edge.source) is None:
            continue
        ports = view.all_ports(edge.source)
        if edge.port in ports:
            continue
        remedy = f"Use {listed(ports)}." if ports else "Remove the edge: this step ends its path."
        if edge.port == "limit":
            remedy = "Give the step `max_visits`, which opens the port limit."
        yield error("edge.unknown_port", edge.source, f"edges[{index}]",
                    f"{edge.source} has no port {edge.port}.", remedy,
                    fix=leave_by_nearest(view, edge))  # fmt: skip


def duplicate_edges(view: View) -> Iterator[Problem]:
    for edge, count in Counter(view.document.edges).items():
        if count > 1:
            yield error("edge.twice", edge.source if edge.source in view.steps else "", "edges",
                        f"The edge {edge} is there {count} times: its step would run as often.",
                        "Keep one of them.", fix=cut(edge) * (count - 1))  # fmt: skip


def open_ports(view: View) -> Iterator[Problem]:
    """A port without an edge ends its path without a word. One exit alone may be the flow's end."""
    taken = {(edge.source, edge.port) for edge in view.document.edges}
    for name, step in view.steps.items():
        ports = view.ports(name)
        if step.type == CHECKPOINT:
            ports = tuple(port for port in ports if port in _DECISIONS)
        elif len(ports) == 1:
            continue
        for port in ports:
            if (name, port) not in taken:
                yield warning("port.open", name, "",
                              f"The port {port} leads nowhere: a run that takes it ends there.",
                              f"Connect {name}.{port}, if only to an end step.",
                              fix=end_port(view, name, port) or None)  # fmt: skip


EDGE_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    edge_ends,
    edge_ports,
    duplicate_edges,
    open_ports,
)
