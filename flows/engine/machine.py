"""A run held in memory: plans applied to plain data. For rehearsals and properties."""

from dataclasses import dataclass, field, replace

from flows.engine.events import COMPENSATION_STARTED
from flows.engine.graph import Graph
from flows.engine.planner import (
    FAILED,
    Event,
    Finished,
    Note,
    Plan,
    TokenView,
    plan,
    plan_start,
)


@dataclass(slots=True)
class Machine:
    """The tokens of one run. ``step()`` takes an event and applies what follows from it."""

    graph: Graph
    tokens: dict[int, TokenView] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    status: str = "running"
    outcome: str = ""
    _next_id: int = 1
    _done: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, graph: Graph) -> "Machine":
        machine = cls(graph)
        machine._apply(plan_start(graph))
        return machine

    def step(self, event: Event) -> Plan:
        """Apply ``event``. Raises KeyError if its token is gone."""
        step = self.tokens[event.token_id].step
        if isinstance(event, Finished) and step in self.graph.undone_by:
            self._done.append(step)
        made = plan(self.graph, self.tokens.values(), event, lambda: self._done[::-1])
        self._apply(made)
        if any(note.kind == COMPENSATION_STARTED for note in made.notes):
            self._done.clear()
        return made

    def ready(self) -> list[TokenView]:
        """Return the tokens that a worker would drive, oldest first."""
        movable = [t for t in self.tokens.values() if t.state not in {"arrived", FAILED}]
        return sorted(movable, key=lambda token: token.id)

    def _apply(self, made: Plan) -> None:
        for token_id in made.dropped:
            del self.tokens[token_id]
        for token in made.placed.values():
            known = token if token.id >= 0 else replace(token, id=self._next_id)
            self._next_id = max(self._next_id, known.id + 1)
            self.tokens[known.id] = known
        self.notes.extend(made.notes)
        self.outcome = made.outcome or self.outcome
        self.status = made.status or self.status
