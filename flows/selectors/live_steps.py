"""What the steps of a run that is under way are doing: the states of its tokens."""

from flows.models import Run, RunStatus, Timer, Token, Wait, WaitState
from flows.selectors.run_filters import PERSON_WAITS

ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


def list_shown_tokens(run: Run) -> list[Token]:
    """Return the run's tokens that are at a step, in the order they were made: one query."""
    tokens = Token.objects.filter(run=run).order_by("pk")
    return [token for token in tokens if not token.via.startswith("#")]


def get_open_waits(run: Run) -> dict[int, Wait]:
    """Return the open waits by token: one query, or none once the run has ended."""
    if run.status in ENDED:
        return {}
    return {wait.token_id: wait for wait in Wait.objects.filter(run=run, state=WaitState.OPEN)}


def get_timers(run: Run) -> dict[int, Timer]:
    """Return the next timer of each token: one query, or none once the run has ended."""
    if run.status in ENDED:
        return {}
    return {timer.token_id: timer for timer in Timer.objects.filter(run=run).order_by("-due_at")}


def get_waiting_state(kind: str) -> str:
    """Return the state of a step that waits for something of this kind."""
    return "waiting_for_person" if kind in PERSON_WAITS else "waiting"


def get_token_state(token: Token, wait: Wait | None, timer: Timer | None) -> str:
    """Return the state of the step at which the token is."""
    if token.state == "held":
        return "paused"
    if token.state != "waiting":
        return token.state
    if wait is not None:
        return get_waiting_state(wait.kind)
    return "retrying" if timer is not None and timer.purpose == "retry" else "waiting"
