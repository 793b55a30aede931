"""Open the wait of a waiting step inside the transaction, and tell its type of a cancellation."""

from dataclasses import replace
from datetime import datetime

from flows.runtime.actions import Open
from flows.runtime.program import Program
from flows.steps.base import Opened, WaitingStep
from flows.store.base import Store
from flows.store.rows import TimerRow, TokenRow, WaitRow


def open_wait(store: Store, token: TokenRow, action: Open, now: datetime) -> tuple[int, Opened]:
    """Insert the token's wait and have the step's type open it; return its id and what was opened.

    Call inside the transaction that finishes the step. Raises what the type's ``open`` raises.
    """
    wait = WaitRow(0, token.run_id, token.id, token.activation, token.step, "", "open")
    wait_id = store.insert_wait(wait, now)
    opened = action.type.open(replace(action.context, wait_id=wait_id), action.config)
    detail = {**opened.detail, **opened.match, "due_port": opened.due_port}
    if opened.due_at:
        detail["due_at"] = opened.due_at.isoformat()
    store.describe_wait(wait_id, opened.kind, opened.key, detail)
    return wait_id, opened


def set_wait_timers(
    store: Store, token: TokenRow, opened: Opened, timeout_at: datetime | None
) -> None:
    """Set the timers of when the wait is due and of when its step times out, if it has such."""
    for purpose, due_at in (("wait", opened.due_at), ("timeout", timeout_at)):
        if due_at is not None:
            store.insert_timer(TimerRow(token.run_id, token.id, token.activation, purpose, due_at))


def tell_cancelled(program: Program, wait_id: int, step: str, now: datetime) -> None:
    """Tell the step's type that the wait it opened was cancelled."""
    bound = program.steps.get(step)
    if bound is not None and isinstance(bound.type, WaitingStep):
        bound.type.cancel(wait_id, now)
