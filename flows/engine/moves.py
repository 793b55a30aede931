"""How tokens move: they leave steps and arrive at others, fail, cancel and undo.

Pure: no Django, no clock, no I/O.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flows.engine import events
from flows.engine.graph import Graph, Kind, Node, name_edge
from flows.engine.plan import Note, Plan, list_nothing_done
from flows.engine.position import (
    ARRIVED,
    FAILED,
    HELD,
    READY,
    RUNNING,
    WAITING,
    Position,
    TokenView,
)
from flows.graph.model import Edge

# By these ports a step is left without that people decided there.
UNDECIDED = frozenset({"limit", "error"})
# Ends the name under which a token's visits tell which step returned its matter: no step's name
# has a colon. Copies of the token have it too, and joins keep it.
MARK = ":returned"


def mark_of(step: str) -> str:
    return f"{step}{MARK}"


def is_mark(name: str) -> bool:
    return name.endswith(MARK)


class Moves:
    """Moves the tokens of one run, and writes each move into ``plan``."""

    def __init__(self, graph: Graph, position: Position, done: Callable[[], Sequence[str]]) -> None:
        self.graph = graph
        self.position = position
        self.plan = Plan()
        self._done = done
        self._made = 0
        self._past_limit: set[tuple[int, str]] = set()

    # --- Leaving and arriving ---

    def leave(self, token: TokenView, ports: Sequence[str]) -> None:
        """Send the token along every edge of these ports, or end its path if there is none."""
        if token.pending:
            self.undo_next(token)
            return
        edges = [edge for port in ports for edge in self.graph.exits(token.step, port)]
        token = self.mark_rework(token, ports)
        if (people := self.find_people(token, edges)) is not None:
            self.come_back(token, ports[0], people)
            return
        if not edges:
            self.drop(token.id)
            return
        # New tokens are made before the old one moves: both start from where it stands now.
        movers = [token, *(self.make_token(token.visits) for _ in edges[1:])]
        for mover, edge in zip(movers, edges, strict=True):
            self.arrive(mover, edge)

    def arrive(self, token: TokenView, edge: Edge) -> None:
        """Put the token on the edge's target, which may send it on at once."""
        node = self.graph.nodes[edge.target]
        came_by = name_edge(edge) if edge.source else ""
        match node.kind:
            case Kind.JOIN | Kind.TURN:
                self.place(replace(token, step=node.id, via=came_by, state=ARRIVED))
            case Kind.CANCEL:
                self.cancel_region(replace(token, step=node.id, via=came_by))
            case Kind.COMPENSATE:
                self.compensate(replace(token, step=node.id, via=came_by))
            case _:
                self.visit(replace(token, step=node.id, via=came_by, state=READY), node)

    def visit(self, token: TokenView, node: Node) -> None:
        """Place the token on a step that runs, waits or ends, unless its visits are used up."""
        if node.max_visits is not None:
            visits = token.visits.get(node.id, 0) + 1
            if visits > node.max_visits:
                self.leave_by_limit(token)
                return
            token = replace(token, visits={**token.visits, node.id: visits})
        self.place(token)

    def leave_by_limit(self, token: TokenView) -> None:
        """Send a token whose visits are used up by the port limit, or fail it."""
        self.note(events.LIMIT_REACHED, token, "limit")
        # Limits that lead to one another would go round for ever.
        goes_round = (token.id, token.step) in self._past_limit
        self._past_limit.add((token.id, token.step))
        if self.graph.exits(token.step, "limit") and not goes_round:
            self.position.put(token)
            self.leave(token, ("limit",))
        else:
            self.place(replace(token, state=FAILED))

    def fail(self, token: TokenView) -> None:
        """Send a failed token by the port error, or let it stay for a retry."""
        if self.graph.exits(token.step, "error"):
            self.leave(token, ("error",))
        else:
            self.place(replace(token, state=FAILED))

    # --- Coming back to people ---

    def mark_rework(self, token: TokenView, ports: Sequence[str]) -> TokenView:
        """Note on the token that people returned its matter; forget it once people decided."""
        rework = self.graph.rework
        if token.step not in rework.asking or not UNDECIDED.isdisjoint(ports):
            return token
        visits = {name: count for name, count in token.visits.items() if not is_mark(name)}
        if any((token.step, port) in rework.returning for port in ports):
            visits[mark_of(token.step)] = 1
        return token if visits == token.visits else replace(token, visits=visits)

    def find_people(self, token: TokenView, edges: Sequence[Edge]) -> str | None:
        """Return the step that must ask people before a returned matter takes these edges."""
        marks = [name for name in token.visits if is_mark(name)]
        targets = {edge.target for edge in edges}
        rework = self.graph.rework
        if not marks or not rework.is_way_out(token.step, targets):
            return None
        returned_by = marks[0].removesuffix(MARK)
        asking = rework.asking.get(returned_by)
        if targets and asking is not None and targets <= asking.alone:
            return None
        return rework.find_people(token.step, returned_by)

    def come_back(self, token: TokenView, port: str, people: str) -> None:
        """Send the token to people instead of where nobody would decide, or fail it there."""
        if people == token.step:
            self.place(replace(token, state=FAILED))
            return
        self.note(events.CAME_BACK, token, port, {"to": people})
        self.position.put(token)
        self.arrive(token, Edge(token.step, port, people))

    # --- Cancelling and undoing ---

    def cancel_region(self, token: TokenView) -> None:
        """Drop every other token in the step's region, and let this one go on."""
        self.position.put(token)
        region = self.graph.nodes[token.step].region
        tokens = self.position.tokens.values()
        inside = [t.id for t in tokens if t.step in region and t.id != token.id]
        self.note(events.REGION_CANCELLED, token, "done", {"steps": list(region)})
        self.drop_all(inside)
        self.leave(token, ("done",))

    def compensate(self, token: TokenView) -> None:
        """Send the token through the steps that undo what was done; it comes back here."""
        self.position.put(token)
        undo = [self.graph.undone_by[step] for step in self._done()]
        # The journal does not know of this yet: a second one in this plan has nothing left to undo.
        self._done = list_nothing_done
        self.note(events.COMPENSATION_STARTED, token, "", {"steps": undo})
        self.undo_next(replace(token, pending=(*undo, token.step)))

    def undo_next(self, token: TokenView) -> None:
        """Send the token to the next step that undoes, or on from where the undoing began."""
        following, *rest = token.pending
        if rest:
            came_by = f"{token.step}.undo"
            self.place(
                replace(token, step=following, via=came_by, state=READY, pending=tuple(rest))
            )
        else:
            self.leave(replace(token, step=following, pending=()), ("done",))

    # --- Changes of the position, and their place in the plan ---

    def place(self, token: TokenView) -> None:
        """Put the token where it now stands."""
        self.position.put(token)
        self.plan.placed.pop(token.id, None)
        self.plan.placed[token.id] = token

    def drop(self, token_id: int) -> None:
        """Take the token away."""
        self.position.remove(token_id)
        self.plan.placed.pop(token_id, None)
        if token_id >= 0:
            self.plan.dropped.append(token_id)

    def drop_all(self, token_ids: Iterable[int]) -> None:
        """Take tokens away, with a note of each whose step is cut short."""
        for token_id in token_ids:
            token = self.position.tokens[token_id]
            if token.state in {READY, RUNNING, WAITING, HELD}:
                self.note(events.STEP_CANCELLED, token)
            self.drop(token_id)

    def make_token(self, visits: Mapping[str, int]) -> TokenView:
        """Return a new token, with an id below 0 and not yet placed."""
        self._made += 1
        return TokenView(-self._made, step="", visits=visits)

    def note(self, kind: str, token: TokenView, port: str = "", data: Any = None) -> None:
        """Add a journal row about the token."""
        known = token.id if token.id >= 0 else None
        self.plan.notes.append(Note(kind, token.step, known, port, data))
