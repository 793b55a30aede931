"""The flow document compiled for the token game: what follows what, and which moves need no lock.

Pure: no Django, no clock, no I/O.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from flows.graph.model import Document, Edge, Step
from flows.graph.rework import Asking, Rework

Asks = Callable[[Mapping[str, Any]], Asking | None]


class Kind(Enum):
    RUN = "run"  # a worker runs it
    WAIT = "wait"  # it opens a durable wait
    JOIN = "join"  # it waits for other tokens, and the planner fires it
    END = "end"  # it ends its path with an outcome
    CANCEL = "cancel"  # it cancels the tokens on the steps that it names
    COMPENSATE = "compensate"  # it undoes what was done, newest first
    TURN = "turn"  # it lets a few tokens at a time into the steps that it names


# Kinds that the planner plays itself, without a worker or a wait.
PLANNED = frozenset({Kind.JOIN, Kind.CANCEL, Kind.COMPENSATE, Kind.TURN})


@dataclass(frozen=True, slots=True)
class JoinRule:
    """When a join fires: once ``need`` inputs have come, or all that can still come if it is None.

    With ``by_token`` each token counts, even several by the same input. A ``blocking`` join that
    has fired does not fire again before its other inputs have come, or can no longer come.
    """

    need: int | None = None
    cancel_others: bool = False
    by_token: bool = False
    blocking: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    step: Step
    kind: Kind
    join: JoinRule | None = None

    @property
    def id(self) -> str:
        return self.step.id

    @property
    def max_visits(self) -> int | None:
        return self.step.max_visits

    @property
    def terminates(self) -> bool:
        return self.kind is Kind.END and self.step.config.get("terminate") is True

    @property
    def region(self) -> tuple[str, ...]:
        """The steps that a cancel or a turn names."""
        return tuple(self.step.config.get("steps") or ())

    @property
    def at_once(self) -> int:
        """How many tokens a turn lets into its region."""
        return int(self.step.config.get("at_once") or 1)


def name_edge(edge: Edge) -> str:
    """Return the edge as a token remembers it, without the target, which is where the token is."""
    return f"{edge.source}.{edge.port}"


class Graph:
    """A compiled document. Immutable; share it between threads."""

    def __init__(
        self, nodes: Mapping[str, Node], edges: Iterable[Edge], asking: Mapping[str, Asking]
    ) -> None:
        self.nodes = dict(nodes)
        self.edges = tuple(edges)
        self.rework = Rework(self.edges, asking)
        self._exits: dict[tuple[str, str], list[Edge]] = {}
        self._inputs: dict[str, list[str]] = {}
        for edge in self.edges:
            self._exits.setdefault((edge.source, edge.port), []).append(edge)
            self._inputs.setdefault(edge.target, []).append(name_edge(edge))
        self._independent: dict[tuple[str, str], Edge | None] = {
            exit_: self._find_independent_edge(*exit_) for exit_ in self._exits
        }

    def exits(self, step: str, port: str) -> list[Edge]:
        return self._exits.get((step, port), [])

    def inputs(self, step: str) -> list[str]:
        """Return the edges into ``step``, as tokens name them, in the document's order."""
        return self._inputs.get(step, [])

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """The steps without an edge from another step; a run starts with a token on each."""
        entered = {edge.target for edge in self.edges if edge.source != edge.target}
        entered.update(self.undone_by.values())
        return tuple(step for step in self.nodes if step not in entered)

    @cached_property
    def undone_by(self) -> dict[str, str]:
        """For each step that can be undone, the step that undoes it."""
        return {
            step: node.step.compensate
            for step, node in self.nodes.items()
            if node.step.compensate is not None
        }

    @cached_property
    def joins(self) -> tuple[str, ...]:
        return tuple(step for step, node in self.nodes.items() if node.kind is Kind.JOIN)

    @cached_property
    def turns(self) -> tuple[str, ...]:
        return tuple(step for step, node in self.nodes.items() if node.kind is Kind.TURN)

    @cached_property
    def is_linear(self) -> bool:
        """Whether a run can never have more than one token, so that its end needs no lock."""
        return (
            not self.joins
            and len(self.starts) == 1
            and all(len(edges) == 1 for edges in self._exits.values())
            and not any(node.step.config.get("inclusive") for node in self.nodes.values())
        )

    @cached_property
    def after(self) -> dict[str, frozenset[str]]:
        """For each step, the steps that a token on it may still come to, and the step itself."""
        follows: dict[str, set[str]] = {step: set() for step in self.nodes}
        for edge in self.edges:
            follows[edge.source].add(edge.target)
        return {step: frozenset(self._find_following(step, follows)) for step in self.nodes}

    @cached_property
    def reach(self) -> dict[str, dict[str, frozenset[str]]]:
        """For each step, ``{join: inputs}`` of the joins that a token on it may still come to."""
        inputs: dict[str, list[tuple[str, str]]] = {}
        for edge in self.edges:
            if self.nodes[edge.target].kind is Kind.JOIN:
                inputs.setdefault(edge.source, []).append((edge.target, name_edge(edge)))
        return {step: _collect_inputs(inputs, following) for step, following in self.after.items()}

    def find_independent_edge(self, step: str, port: str) -> Edge | None:
        """Return the only edge of the port if moving along it affects no other token, else None.

        Such a move leads to one step, which the planner does not play itself. It gives up no input
        that a join may be waiting for, and makes no room that a turn may be waiting for.
        """
        return self._independent.get((step, port))

    def _find_independent_edge(self, step: str, port: str) -> Edge | None:
        edges = self._exits[step, port]
        if len(edges) != 1:
            return None
        node = self.nodes[edges[0].target]
        if node.kind in PLANNED or node.max_visits is not None or self.rework.matters(step, port):
            return None
        if self.joins and self._gives_up_an_input(step, node.id):
            return None
        if any(self._is_way_out(self.nodes[turn].region, step, node.id) for turn in self.turns):
            return None
        return edges[0]

    def _gives_up_an_input(self, step: str, following: str) -> bool:
        still = self.reach[following]
        return any(
            not names <= still.get(join, frozenset()) for join, names in self.reach[step].items()
        )

    @staticmethod
    def _is_way_out(region: tuple[str, ...], step: str, following: str) -> bool:
        return step in region and following not in region

    @staticmethod
    def _find_following(step: str, after: Mapping[str, set[str]]) -> set[str]:
        seen, todo = {step}, [step]
        while todo:
            for following in after[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        return seen


def _collect_inputs(
    inputs: Mapping[str, Iterable[tuple[str, str]]], steps: frozenset[str]
) -> dict[str, frozenset[str]]:
    reached: dict[str, set[str]] = {}
    for step in steps & inputs.keys():
        for join, name in inputs[step]:
            reached.setdefault(join, set()).add(name)
    return {join: frozenset(names) for join, names in reached.items()}


def compile_graph(
    document: Document, waits: Mapping[str, bool], asks: Mapping[str, Asks] | None = None
) -> Graph:
    """Return the compiled document.

    ``waits`` says of each step type whether it opens a wait, ``asks`` how its steps ask people.
    """
    steps = document.steps.values()
    nodes = {step.id: _make_node(step, waits) for step in steps}
    return Graph(nodes, document.edges, list_asking(steps, asks or {}))


def list_asking(steps: Iterable[Step], asks: Mapping[str, Asks]) -> dict[str, Asking]:
    """Return how each step asks people, of those that do."""
    found = {step.id: asks[step.type](step.config) for step in steps if step.type in asks}
    return {name: asking for name, asking in found.items() if asking is not None}


def _make_node(step: Step, waits: Mapping[str, bool]) -> Node:
    if step.type == "join":
        return Node(step, Kind.JOIN, _make_join_rule(step))
    if step.type in {"end", "cancel", "compensate", "turn"}:
        return Node(step, Kind(step.type))
    return Node(step, Kind.WAIT if waits.get(step.type) else Kind.RUN)


def _make_join_rule(step: Step) -> JoinRule:
    config = step.config
    mode = config.get("mode", "all")
    need = {"all": None, "any": 1}.get(mode, config.get("n"))
    return JoinRule(
        need=1 if need is None and mode == "count" else need,
        cancel_others=bool(config.get("cancel_others")),
        by_token=mode == "threads",
        blocking=bool(config.get("blocking")),
    )
