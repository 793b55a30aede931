"""Where a run stands: its tokens, and the counts that the rules need at each event.

A position lives as long as its run is locked, over any number of events. An event costs only what
it changes, however many tokens the run has: a thousand branches take the time of a thousand steps,
not of a million.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

READY, RUNNING, WAITING, ARRIVED, FAILED = "ready", "running", "waiting", "arrived", "failed"
HELD = "held"

# Begins the ``via`` of the token that a join keeps from firing until its other inputs have come.
SPENT = "#"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as the planner sees it. New tokens have negative ids.

    ``visits`` counts its visits of limited steps, and names the step whose people returned its
    matter for rework (``flows.engine.moves.mark_of``), until people decide again.
    """

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
    """The tokens of one run by id, in the order in which they were put."""

    def __init__(self, tokens: Iterable[TokenView] = ()) -> None:
        self.tokens: dict[int, TokenView] = {}
        # The tokens that are not parked at a join or a turn: they run, wait, or have failed.
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
        """Add the token, or replace the one with its id."""
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
        """Give a token that a plan made its lasting id, and return it."""
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

    def list_parked(self, step: str) -> Mapping[int, TokenView]:
        """Return the tokens that wait at a join or a turn, by id, without the marks of joins."""
        return self._parked.get(step, {})

    def count_arrived(self, step: str) -> Mapping[str, int]:
        """Return how many tokens wait at the join by each input."""
        return self._came.get(step, {})

    def list_elsewhere(self, step: str) -> Iterable[TokenView]:
        """Yield the tokens that may still come to the join: all but those that wait at it."""
        yield from self.moving.values()
        for other, parked in self._parked.items():
            if other != step:
                yield from parked.values()

    def find_mark(self, step: str) -> TokenView | None:
        """Return the mark of a join that has fired and whose round is not over, or None."""
        return next(iter(self._marks.get(step, {}).values()), None)

    def count_tokens_on(self, steps: Iterable[str]) -> int:
        """Return how many tokens are on these steps, without marks."""
        return sum(self._standing[step] for step in set(steps))

    @property
    def is_empty(self) -> bool:
        """Whether only marks are left."""
        return not self.moving and not any(self._parked.values())

    @property
    def is_stuck(self) -> bool:
        """Whether every token that is left has failed or is parked."""
        return len(self.moving) == self._failed
