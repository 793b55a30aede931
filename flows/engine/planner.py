"""The rules of the token game: (graph, tokens, event) -> plan.

Pure: no Django, no clock, no I/O. The caller holds the run's lock, gives the position with every
token the run has, and writes the plan in the same transaction.

A token that leaves a step takes the edges of its port: the first edge keeps the token, each further
one gets a new token. A join parks what arrives and fires when its rule is met. A failed token stays
where it failed, so that a retry goes on from there; the run ends when nothing else can move.
"""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.engine import events
from flows.engine.errors import EngineError
from flows.engine.graph import Graph, JoinRule, Kind, via
from flows.engine.position import (
    ARRIVED,
    FAILED,
    HELD,
    READY,
    RUNNING,
    SPENT,
    WAITING,
    Position,
    TokenView,
)
from flows.graph.model import Edge

# Far above what one event can cause in a sane graph; a cycle of joins alone would go on for ever.
MAX_FIRINGS = 1_000


@dataclass(frozen=True, slots=True)
class Finished:
    """The activation of ``token_id`` leaves by these ports."""

    token_id: int
    ports: tuple[str, ...] = ("done",)


@dataclass(frozen=True, slots=True)
class Ended:
    """``token_id`` came to an ``end``."""

    token_id: int
    outcome: str = ""
    terminate: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """``token_id`` failed for good: its retries are used up or make no sense."""

    token_id: int


Event = Finished | Ended | Failed


@dataclass(frozen=True, slots=True)
class Note:
    """A journal row that the plan itself gives rise to."""

    kind: str
    step: str = ""
    token_id: int | None = None
    port: str = ""
    data: Any = None


@dataclass(slots=True)
class Plan:
    """What to write: ``placed`` are the tokens that changed or are new, in order of their moves."""

    placed: dict[int, TokenView] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    status: str | None = None
    outcome: str = ""


def nothing_done() -> Sequence[str]:
    return ()


def plan(
    graph: Graph,
    position: Position,
    event: Event,
    done: Callable[[], Sequence[str]] = nothing_done,
) -> Plan:
    """Return what ``event`` does to the run, and bring ``position`` to where it then stands.

    What the plan makes has negative ids there: the caller gives it ids of its own
    (``Position.rename``) before it plays the next event.

    ``done`` gives the finished steps that can be undone and were not, newest first; it is asked
    only when the run comes to a compensation.

    Raises: KeyError if the event's token is not there, EngineError.
    """
    return _Planner(graph, position, done).play(event)


def plan_start(graph: Graph) -> Plan:
    """Return the tokens a new run starts with."""
    planner = _Planner(graph, Position(), nothing_done)
    for step in graph.starts:
        planner.arrive(planner.new_token({}), Edge("", "", step))
    return planner.settle("")


class _Planner:
    def __init__(self, graph: Graph, position: Position, done: Callable[[], Sequence[str]]) -> None:
        self.graph = graph
        self.done = done
        self.position = position
        self.plan = Plan()
        self.made = 0

    # --- The event ---

    def play(self, event: Event) -> Plan:
        token = self.position.tokens[event.token_id]
        match event:
            case Finished(ports=ports):
                self.leave(token, ports)
            case Ended(terminate=terminate):
                self.drop(token.id)
                if terminate:
                    self.drop_all(list(self.position.tokens))
            case Failed():
                self.fail(token)
        return self.settle(event.outcome if isinstance(event, Ended) else "")

    def leave(self, token: TokenView, ports: Sequence[str]) -> None:
        if token.pending:
            self.undo_next(token)
            return
        edges = [edge for port in ports for edge in self.graph.exits(token.step, port)]
        if not edges:
            self.drop(token.id)
            return
        # New tokens are made before the old one moves: both start from where it stands now.
        movers = [token, *(self.new_token(token.visits) for _ in edges[1:])]
        for mover, edge in zip(movers, edges, strict=True):
            self.arrive(mover, edge)

    def fail(self, token: TokenView) -> None:
        if self.graph.exits(token.step, "error"):
            self.leave(token, ("error",))
        else:
            self.place(replace(token, state=FAILED))

    # --- Moves ---

    def arrive(self, token: TokenView, edge: Edge) -> None:
        node = self.graph.nodes[edge.target]
        came_by = via(edge) if edge.source else ""
        if node.kind in {Kind.JOIN, Kind.TURN}:
            self.place(replace(token, step=node.id, via=came_by, state=ARRIVED))
            return
        if node.kind is Kind.CANCEL:
            self.cancel_region(replace(token, step=node.id, via=came_by))
            return
        if node.kind is Kind.COMPENSATE:
            self.compensate(replace(token, step=node.id, via=came_by))
            return
        if node.max_visits is not None:
            visits = token.visits.get(node.id, 0) + 1
            if visits > node.max_visits:
                self.past_limit(replace(token, step=node.id, via=came_by, state=READY))
                return
            token = replace(token, visits={**token.visits, node.id: visits})
        self.place(replace(token, step=node.id, via=came_by, state=READY))

    def past_limit(self, token: TokenView) -> None:
        self.note(events.LIMIT_REACHED, token, "limit")
        if self.graph.exits(token.step, "limit"):
            self.position.put(token)
            self.leave(token, ("limit",))
        else:
            self.place(replace(token, state=FAILED))

    def cancel_region(self, token: TokenView) -> None:
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
        undo = [self.graph.undone_by[step] for step in self.done()]
        # The journal does not know of this yet: a second one in this plan has nothing left.
        self.done = nothing_done
        self.note(events.COMPENSATION_STARTED, token, "", {"steps": undo})
        self.undo_next(replace(token, pending=(*undo, token.step)))

    def undo_next(self, token: TokenView) -> None:
        following, *rest = token.pending
        if rest:
            via_ = f"{token.step}.undo"
            self.place(replace(token, step=following, via=via_, state=READY, pending=tuple(rest)))
        else:
            self.leave(replace(token, step=following, pending=()), ("done",))

    def place(self, token: TokenView) -> None:
        self.position.put(token)
        self.plan.placed.pop(token.id, None)
        self.plan.placed[token.id] = token

    def drop(self, token_id: int) -> None:
        self.position.remove(token_id)
        self.plan.placed.pop(token_id, None)
        if token_id >= 0:
            self.plan.dropped.append(token_id)

    def drop_all(self, token_ids: Iterable[int]) -> None:
        for token_id in token_ids:
            token = self.position.tokens[token_id]
            if token.state in {READY, RUNNING, WAITING, HELD}:
                self.note(events.STEP_CANCELLED, token)
            self.drop(token_id)

    def new_token(self, visits: Mapping[str, int]) -> TokenView:
        self.made += 1
        return TokenView(-self.made, step="", visits=visits)

    def note(self, kind: str, token: TokenView, port: str = "", data: Any = None) -> None:
        known = token.id if token.id >= 0 else None
        self.plan.notes.append(Note(kind, token.step, known, port, data))

    # --- Joins ---

    def settle(self, outcome: str) -> Plan:
        """Fire every join that can fire, then see whether the run is over."""
        for _ in range(MAX_FIRINGS):
            if not self.fire_one():
                break
        else:
            raise EngineError("Joins fire one another without end. Put a step between them.")
        self.plan.outcome = outcome
        if self.position.is_empty:
            self.plan.status = "completed"
            self.drop_all(list(self.position.tokens))
        elif self.position.is_stuck:
            # What is parked at a join here waits behind a failed token.
            self.plan.status = "failed"
        return self.plan

    def fire_one(self) -> bool:
        for step in self.graph.joins:
            if self.absorb(step) or self.fire_if_met(step, self.position.elsewhere(step)):
                return True
        if any(self.take_turn(step) for step in self.graph.turns):
            return True
        if self.position.moving:
            return False
        # Nothing moves any more, but joins may hold out for one another: the first in the
        # document's order stops waiting for what is parked elsewhere.
        return any(self.fire_if_met(step, ()) for step in self.graph.joins)

    @staticmethod
    def spent_inputs(mark: TokenView) -> list[str]:
        return mark.via[len(SPENT) :].split(",")

    def absorb(self, step: str) -> bool:
        """Let a join that has fired swallow an input of the same round."""
        mark = self.position.mark(step)
        if mark is None or not self.position.parked(step):
            return False
        spent = self.spent_inputs(mark)
        parked = self.position.parked(step).values()
        late = next((token for token in parked if token.via not in spent), None)
        if late is None:
            return False
        self.note(events.JOIN_ABSORBED, late)
        self.drop(late.id)
        self.mark_spent(mark, [*spent, late.via])
        return True

    def mark_spent(self, mark: TokenView, spent: Sequence[str]) -> None:
        if set(spent) >= set(self.graph.inputs(mark.step)):
            self.drop(mark.id)
        else:
            self.place(replace(mark, state=ARRIVED, via=SPENT + ",".join(sorted(spent))))

    def fire_if_met(self, step: str, others: Iterable[TokenView]) -> bool:
        """Fire the join if its rule is met, with ``others`` as what may still come to it."""
        rule = self.graph.nodes[step].join
        assert rule is not None
        parked, came = self.position.parked(step), self.position.came(step)
        if not parked:
            return False
        if rule.need is None:
            must_wait = self.may_come(step, () if rule.by_token else came, others)
        else:
            counted = len(parked) if rule.by_token else len(came)
            must_wait = counted < rule.need or (rule.blocking and self.in_round(step, others))
        if must_wait:
            return False
        self.fire(step, self.counted(step, rule))
        return True

    def in_round(self, step: str, others: Iterable[TokenView]) -> bool:
        """Say whether it has fired and inputs of the same round may still come."""
        mark = self.position.mark(step)
        return mark is not None and self.may_come(step, self.spent_inputs(mark), others)

    def counted(self, step: str, rule: JoinRule) -> list[TokenView]:
        """Return the parked tokens that count, oldest first: one an input, or every one."""
        parked = self.oldest_first(self.position.parked(step))
        if rule.by_token:
            return parked
        first: dict[str, TokenView] = {}
        for token in parked:
            first.setdefault(token.via, token)
        return list(first.values())

    @staticmethod
    def oldest_first(parked: Mapping[int, TokenView]) -> list[TokenView]:
        return sorted(parked.values(), key=lambda token: abs(token.id))

    def may_come(self, step: str, came: Container[str], others: Iterable[TokenView]) -> bool:
        """Say whether one of the tokens can reach an input of the join that is not in ``came``."""
        return any(
            name not in came for token in others for name in self.reach_of(token).get(step, ())
        )

    def reach_of(self, token: TokenView) -> Mapping[str, frozenset[str]]:
        """Return the join inputs it may come to; one that undoes comes back to where it began."""
        return self.graph.reach[token.pending[-1] if token.pending else token.step]

    def fire(self, step: str, used: list[TokenView]) -> None:
        rule = self.graph.nodes[step].join
        assert rule is not None
        if rule.need is not None:
            used = used[: rule.need]
        came = [token.via for token in used]
        keeper, *rest = used
        for token in rest:
            self.drop(token.id)
        self.note(events.JOIN_FIRED, keeper, "done", {"inputs": came})
        if rule.need is not None:
            self.end_round(step, keeper, came, rule)
        visits = _most_visits(token.visits for token in used)
        self.leave(replace(keeper, visits=visits), ("done",))

    def end_round(self, step: str, keeper: TokenView, came: Sequence[str], rule: JoinRule) -> None:
        if mark := self.position.mark(step):
            self.drop(mark.id)
        if rule.cancel_others:
            self.cancel_late(step, keeper, () if rule.by_token else came)
        elif not rule.by_token and set(came) < set(self.graph.inputs(step)):
            mark = replace(self.new_token({}), step=step, state=ARRIVED)
            self.mark_spent(mark, came)

    def cancel_late(self, step: str, keeper: TokenView, came: Collection[str]) -> None:
        parked = self.position.parked(step)
        late = [
            token.id
            for token in self.position.tokens.values()
            if token.id != keeper.id
            and (self.may_come(step, came, [token]) or (not came and token.id in parked))
        ]
        self.drop_all(late)

    # --- Turns ---

    def take_turn(self, step: str) -> bool:
        """Let the oldest that waits here into the region, if there is room."""
        node, parked = self.graph.nodes[step], self.position.parked(step)
        inside = self.position.standing(other for other in node.region if other != step)
        if not parked or inside >= node.at_once:
            return False
        first = min(parked.values(), key=lambda token: abs(token.id))
        self.note(events.TURN_TAKEN, first, "done")
        self.leave(first, ("done",))
        return True


def _most_visits(all_visits: Iterable[Mapping[str, int]]) -> dict[str, int]:
    most: dict[str, int] = {}
    for visits in all_visits:
        for step, count in visits.items():
            most[step] = max(count, most.get(step, 0))
    return most
