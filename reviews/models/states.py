"""The states of a case, and the one table of moves between them."""

from django.db import models

from reviews.errors import MoveNotAllowed


class CaseState(models.TextChoices):
    OPEN = "open"
    CLAIMED = "claimed"
    COMMITTING = "committing"  # decided, and still to be undone for some seconds
    WAITING_FOR_INFO = "waiting_for_info"  # others must act; the SLA clock stands
    ESCALATED = "escalated"  # open, to those with more authority
    DECIDED = "decided"
    EXPIRED = "expired"  # the SLA ended the wait
    CANCELLED = "cancelled"  # the run no longer waits


S = CaseState
MOVES: dict[CaseState, frozenset[CaseState]] = {
    S.OPEN: frozenset({S.CLAIMED, S.ESCALATED, S.EXPIRED, S.CANCELLED}),
    # To itself: escalated once more, perhaps to another queue.
    S.ESCALATED: frozenset({S.ESCALATED, S.CLAIMED, S.OPEN, S.EXPIRED, S.CANCELLED}),
    S.CLAIMED: frozenset(
        # To itself: a lease that ran out is taken over.
        {S.CLAIMED, S.OPEN, S.ESCALATED, S.COMMITTING, S.WAITING_FOR_INFO, S.EXPIRED, S.CANCELLED}
    ),
    S.COMMITTING: frozenset({S.DECIDED, S.CLAIMED, S.OPEN, S.ESCALATED, S.CANCELLED}),
    S.WAITING_FOR_INFO: frozenset({S.OPEN, S.CLAIMED, S.ESCALATED, S.EXPIRED, S.CANCELLED}),
    S.DECIDED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}
CLOSED = frozenset(state for state, targets in MOVES.items() if not targets)
ACTIVE = frozenset(MOVES) - CLOSED
CLAIMABLE = frozenset({S.OPEN, S.ESCALATED})


def check_move(source: str, target: str) -> None:
    """Raises: MoveNotAllowed."""
    if CaseState(target) not in MOVES[CaseState(source)]:
        raise MoveNotAllowed(f"A case cannot go from {source} to {target}.")
