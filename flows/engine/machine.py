"""A run in memory: it applies plans to plain data, for rehearsals and property tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.engine.events import COMPENSATION_STARTED
from flows.engine.graph import Graph
from flows.engine.plan import Event, Finished, Note, Plan
from flows.engine.planner import plan, plan_start
from flows.engine.position import ARRIVED, FAILED, Position, TokenView


@dataclass(slots=True)
class Machine:
    """The tokens of one run. ``step()`` applies an event and what follows from it."""

    graph: Graph
    position: Position = field(default_factory=Position)
    notes: list[Note] = field(default_factory=list)
    status: str = "running"
    outcome: str = ""
    _next_id: int = 1
    _done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next_id = max(self.tokens, default=0) + 1

    @classmethod
    def start(cls, graph: Graph) -> "Machine":
        machine, made = cls(graph), plan_start(graph)
        for token in made.placed.values():
            machine.position.put(token)
        machine._apply(made)
        return machine

    @property
    def tokens(self) -> Mapping[int, TokenView]:
        return self.position.tokens

    def step(self, event: Event) -> Plan:
        """Apply the event and return its plan. Raises: KeyError, if its token is not there."""
        step = self.tokens[event.token_id].step
        if isinstance(event, Finished) and step in self.graph.undone_by:
            self._done.append(step)
        made = plan(self.graph, self.position, event, lambda: self._done[::-1])
        self._apply(made)
        if any(note.kind == COMPENSATION_STARTED for note in made.notes):
            self._done.clear()
        return made

    def ready(self) -> list[TokenView]:
        """Return the tokens that can move on, oldest first."""
        movable = [t for t in self.tokens.values() if t.state not in {ARRIVED, FAILED}]
        return sorted(movable, key=lambda token: token.id)

    def _apply(self, made: Plan) -> None:
        for token_id in made.placed:
            if token_id < 0:
                self.position.rename(token_id, self._next_id)
                self._next_id += 1
        self.notes.extend(made.notes)
        self.outcome = made.outcome or self.outcome
        self.status = made.status or self.status
