"""The rules of the token game: (graph, tokens, event) -> plan.

Pure: no Django, no clock, no I/O. The caller holds the run's lock, gives every token the run has,
and writes the plan in the same transaction.

A token that leaves a step takes the edges of its port: the first edge keeps the token, each further
one gets a new token. A join parks what arrives and fires when its rule is met. A failed token stays
where it failed, so that a retry goes on from there; the run ends when nothing else can move.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.engine import events
from flows.engine.errors import EngineError
from flows.engine.graph import Graph, JoinRule, Kind, via
from flows.graph.model import Edge

READY, RUNNING, WAITING, ARRIVED, FAILED = "ready", "running", "waiting", "arrived", "failed"
HELD = "held"

# A join that has fired keeps a token of this mark until its other inputs have come in too.
SPENT = "#"

# Far above what one event can cause in a sane graph; a cycle of joins alone would go on for ever.
MAX_FIRINGS = 1_000


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as the planner sees it. A negative id is one the plan makes."""

    id: int
    step: str
    via: str = ""
    state: str = READY
    visits: Mapping[str, int] = field(default_factory=dict)
    pending: tuple[str, ...] = ()

    @property
    def is_spent_mark(self) -> bool:
        return self.state == ARRIVED and self.via.startswith(SPENT)


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
    tokens: Iterable[TokenView],
    event: Event,
    done: Callable[[], Sequence[str]] = nothing_done,
) -> Plan:
    """Return what ``event`` does to the run.

    ``done`` gives the finished steps that can be undone and were not, newest first; it is asked
    only when the run comes to a compensation.

    Raises: KeyError if the event's token is not there, EngineError.
    """
    return _Planner(graph, tokens, done).play(event)


def plan_start(graph: Graph) -> Plan:
    """Return the tokens a new run starts with."""
    planner = _Planner(graph, (), nothing_done)
    for step in graph.starts:
        planner.arrive(planner.new_token({}), Edge("", "", step))
    return planner.settle("")


class _Planner:
    def __init__(
        self, graph: Graph, tokens: Iterable[TokenView], done: Callable[[], Sequence[str]]
    ) -> None:
        self.graph = graph
        self.done = done
        self.tokens = {token.id: token for token in tokens}
        self.plan = Plan()
        self.made = 0

    # --- The event ---

    def play(self, event: Event) -> Plan:
        token = self.tokens[event.token_id]
        match event:
            case Finished(ports=ports):
                self.leave(token, ports)
            case Ended(terminate=terminate):
                self.drop(token.id)
                if terminate:
                    self.drop_all(list(self.tokens))
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
            self.tokens[token.id] = token
            self.leave(token, ("limit",))
        else:
            self.place(replace(token, state=FAILED))

    def cancel_region(self, token: TokenView) -> None:
        self.tokens[token.id] = token
        region = self.graph.nodes[token.step].region
        inside = [t.id for t in self.tokens.values() if t.step in region and t.id != token.id]
        self.note(events.REGION_CANCELLED, token, "done", {"steps": list(region)})
        self.drop_all(inside)
        self.leave(token, ("done",))

    def compensate(self, token: TokenView) -> None:
        """Send the token through the steps that undo what was done; it comes back here."""
        self.tokens[token.id] = token
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
        self.tokens[token.id] = token
        self.plan.placed.pop(token.id, None)
        self.plan.placed[token.id] = token

    def drop(self, token_id: int) -> None:
        del self.tokens[token_id]
        self.plan.placed.pop(token_id, None)
        if token_id >= 0:
            self.plan.dropped.append(token_id)

    def drop_all(self, token_ids: Iterable[int]) -> None:
        for token_id in token_ids:
            token = self.tokens[token_id]
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
        live = [token for token in self.tokens.values() if not token.is_spent_mark]
        if not live:
            self.plan.status = "completed"
            self.drop_all(list(self.tokens))
        elif all(token.state in {FAILED, ARRIVED} for token in live):
            # What is parked at a join here waits behind a failed token.
            self.plan.status = "failed"
        return self.plan

    def fire_one(self) -> bool:
        for step in self.graph.joins:
            if self.absorb(step) or self.fire_if_met(step, self.tokens.values()):
                return True
        if any(self.take_turn(step) for step in self.graph.turns):
            return True
        if any(t.state != ARRIVED for t in self.tokens.values()):
            return False
        # Nothing moves any more, but joins may hold out for one another: the first in the
        # document's order stops waiting for what is parked elsewhere.
        return any(self.fire_if_met(step, self.parked_at(step)) for step in self.graph.joins)

    def parked_at(self, step: str) -> list[TokenView]:
        return [
            token
            for token in self.tokens.values()
            if token.step == step and token.state == ARRIVED and not token.is_spent_mark
        ]

    @staticmethod
    def is_parked(token: TokenView, step: str) -> bool:
        return token.step == step and token.state == ARRIVED

    def mark_of(self, step: str) -> TokenView | None:
        marks = (t for t in self.tokens.values() if t.step == step and t.is_spent_mark)
        return next(marks, None)

    @staticmethod
    def spent_inputs(mark: TokenView) -> list[str]:
        return mark.via[len(SPENT) :].split(",")

    def absorb(self, step: str) -> bool:
        """Let a join that has fired swallow an input of the same round."""
        mark = self.mark_of(step)
        if mark is None:
            return False
        spent = self.spent_inputs(mark)
        late = next((token for token in self.parked_at(step) if token.via not in spent), None)
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
        rule = self.graph.nodes[step].join
        assert rule is not None
        used = self.counted(step, rule)
        if not used:
            return False
        came = () if rule.by_token else {token.via for token in used}
        moving = [t for t in others if not t.is_spent_mark and not self.is_parked(t, step)]
        if rule.need is None:
            must_wait = self.may_come(step, came, moving)
        else:
            must_wait = len(used) < rule.need or (rule.blocking and self.in_round(step, moving))
        if must_wait:
            return False
        self.fire(step, used)
        return True

    def in_round(self, step: str, moving: Iterable[TokenView]) -> bool:
        """Say whether it has fired and inputs of the same round may still come."""
        mark = self.mark_of(step)
        return mark is not None and self.may_come(step, self.spent_inputs(mark), moving)

    def counted(self, step: str, rule: JoinRule) -> list[TokenView]:
        """Return the parked tokens that count, oldest first: one an input, or every one."""
        parked = sorted(self.parked_at(step), key=lambda token: abs(token.id))
        if rule.by_token:
            return parked
        first: dict[str, TokenView] = {}
        for token in parked:
            first.setdefault(token.via, token)
        return list(first.values())

    def may_come(self, step: str, came: Collection[str], moving: Iterable[TokenView]) -> bool:
        """Say whether one of the tokens can reach an input of the join that is not in ``came``."""
        open_inputs = {(step, name) for name in self.graph.inputs(step) if name not in came}
        return bool(open_inputs) and any(self.reach_of(token) & open_inputs for token in moving)

    def reach_of(self, token: TokenView) -> frozenset[tuple[str, str]]:
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
        if mark := self.mark_of(step):
            self.drop(mark.id)
        if rule.cancel_others:
            self.cancel_late(step, keeper, () if rule.by_token else came)
        elif not rule.by_token and set(came) < set(self.graph.inputs(step)):
            mark = replace(self.new_token({}), step=step, state=ARRIVED)
            self.mark_spent(mark, came)

    def cancel_late(self, step: str, keeper: TokenView, came: Collection[str]) -> None:
        late = [
            token.id
            for token in self.tokens.values()
            if token.id != keeper.id
            and (self.may_come(step, came, [token]) or (not came and self.is_parked(token, step)))
        ]
        self.drop_all(late)

    # --- Turns ---

    def take_turn(self, step: str) -> bool:
        """Let the oldest that waits here into the region, if there is room."""
        node = self.graph.nodes[step]
        inside = sum(
            token.step in node.region and token.step != step and not token.is_spent_mark
            for token in self.tokens.values()
        )
        first = min(self.parked_at(step), key=lambda token: abs(token.id), default=None)
        if first is None or inside >= node.at_once:
            return False
        self.note(events.TURN_TAKEN, first, "done")
        self.leave(first, ("done",))
        return True


def _most_visits(all_visits: Iterable[Mapping[str, int]]) -> dict[str, int]:
    most: dict[str, int] = {}
    for visits in all_visits:
        for step, count in visits.items():
            most[step] = max(count, most.get(step, 0))
    return most
