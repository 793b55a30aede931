"""Where locked runs stand: their rows and tokens, as the store and as the planner see them."""

from collections.abc import Iterable
from dataclasses import dataclass

from flows.engine.position import Position, TokenView
from flows.store.base import Store
from flows.store.rows import Claim, RunRow, TokenRow


@dataclass(slots=True)
class LockedRun:
    """A run whose row this transaction has locked, with its tokens by id.

    ``position`` is the planner's view of the same tokens.
    """

    run: RunRow
    tokens: dict[int, TokenRow]
    position: Position

    def put(self, token: TokenRow) -> None:
        """Add the token, or take in what changed of it."""
        self.tokens[token.id] = token
        self.position.put(_view_of(token))

    def find_held(self, claim: Claim) -> TokenRow | None:
        """Return the claim's token, or None if it is no longer the claim's."""
        token = self.tokens.get(claim.token_id)
        if token is None or token.state != "running":
            return None
        is_held = token.fence == claim.fence and token.activation == claim.activation
        return token if is_held else None


def read_locked_runs(store: Store, runs: Iterable[RunRow]) -> dict[int, LockedRun]:
    """Read the tokens of runs that are locked; return the runs by id. One query."""
    by_run = {run.id: run for run in runs}
    tokens: dict[int, dict[int, TokenRow]] = {run_id: {} for run_id in by_run}
    for token in store.list_tokens(by_run) if by_run else ():
        tokens[token.run_id][token.id] = token
    return {
        run_id: LockedRun(run, tokens[run_id], Position(map(_view_of, tokens[run_id].values())))
        for run_id, run in by_run.items()
    }


def _view_of(token: TokenRow) -> TokenView:
    return TokenView(token.id, token.step, token.via, token.state, token.visits, token.pending)
