"""Where a run stands: its tokens, and counted beside them what the rules ask of them at each event.

A position lives as long as its run is under lock, over as many events as there are. An event costs
what it changes, however many tokens the run has: a thousand branches are played in the time of
a thousand steps, and not of a million.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

READY, RUNNING, WAITING, ARRIVED, FAILED = "ready", "running", "waiting", "arrived", "failed"
HELD = "held"

# A join that has fired keeps a token of this mark until its other inputs have come in too.
SPENT = "#"


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


class Position:
    """The tokens of one run, by id, in the order in which they were put."""

    def __init__(self, tokens: Iterable[TokenView] = ()) -> None:
        self.tokens: dict[int, TokenView] = {}
        # What does not wait at a join or a turn: it runs, waits for somebody, or has failed.
        self.moving: dict[int, TokenView] = {}
        self._parked: dict[str, dict[int, TokenView]] = {}
        self._came: dict[str, Counter[str]] = {}
        self._marks: dict[str, dict[int, TokenView]] = {}
        self._standing: Counter[str] = Counter()
        self._failed = 0
        for token in tokens:
            self.put(token)

    # --- Changes ---

    def put(self, token: TokenView) -> None:
        """Add the token, or let it take the place of the one with its id."""
        before = self.tokens.get(token.id)
        if before is not None:
            self._forget(before)
        self.tokens[token.id] = token
        if token.is_spent_mark:
            self._marks.setdefault(token.step, {})[token.id] = token
            return
        self._standing[token.step] += 1
        if token.state == ARRIVED:
            self._parked.setdefault(token.step, {})[token.id] = token
            self._came.setdefault(token.step, Counter())[token.via] += 1
        else:
            self.moving[token.id] = token
            self._failed += token.state == FAILED

    def rename(self, token_id: int, to: int) -> TokenView:
        """Give a token that a plan made the id it is kept under."""
        token = replace(self.tokens[token_id], id=to)
        self.remove(token_id)
        self.put(token)
        return token

    def remove(self, token_id: int) -> None:
        self._forget(self.tokens.pop(token_id))

    def _forget(self, token: TokenView) -> None:
        if token.is_spent_mark:
            del self._marks[token.step][token.id]
            return
        self._standing[token.step] -= 1
        if token.state == ARRIVED:
            del self._parked[token.step][token.id]
            came = self._came[token.step]
            came[token.via] -= 1
            if not came[token.via]:
                del came[token.via]
        else:
            del self.moving[token.id]
            self._failed -= token.state == FAILED

    # --- Questions ---

    def parked(self, step: str) -> Mapping[int, TokenView]:
        """Return what waits at a join or a turn, without the marks of a join that has fired."""
        return self._parked.get(step, {})

    def came(self, step: str) -> Mapping[str, int]:
        """Return by which inputs something waits at the join, and how much by each."""
        return self._came.get(step, {})

    def elsewhere(self, step: str) -> Iterable[TokenView]:
        """Yield the tokens that may still come to the join: all but those that wait at it."""
        yield from self.moving.values()
        for other, parked in self._parked.items():
            if other != step:
                yield from parked.values()

    def mark(self, step: str) -> TokenView | None:
        return next(iter(self._marks.get(step, {}).values()), None)

    def standing(self, steps: Iterable[str]) -> int:
        """Count the tokens on these steps, marks aside."""
        return sum(self._standing[step] for step in set(steps))

    @property
    def is_empty(self) -> bool:
        """Whether nothing but marks is left."""
        return not self.moving and not any(self._parked.values())

    @property
    def is_stuck(self) -> bool:
        """Whether what is left has failed, or is parked at a join."""
        return len(self.moving) == self._failed
