"""Resolve many waits at once when their timers are due.

Each timer fired alone costs a dozen statements, and ten thousand of one second would be late by
half a minute. Most only move their run to the next step, which takes no plan: those go together.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from flows.runtime.transitions import find_hop
from flows.store import get_store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import Hop, OpenWait, TimerRow
from workbench.dispatch.sweeps import try_together

logger = logging.getLogger(__name__)


def fire_together(timers: Sequence[TimerRow], now: datetime) -> list[TimerRow]:
    """Fire the timers whose runs only move on; return those to be fired one by one.

    Call inside the transaction that took them, which holds the locks of their runs.
    """
    count = Counter(timer.run_id for timer in timers)
    plain = [timer for timer in timers if timer.purpose == "wait" and count[timer.run_id] == 1]
    moved: set[int] = set()
    try_together(
        plain, lambda some: moved.update(_resolve_together(some, now)), _leave_to_be_fired_alone
    )
    return [timer for timer in timers if timer.token_id not in moved]


def _leave_to_be_fired_alone(timer: TimerRow, error: Exception) -> None:
    logger.warning("The timer of run %s cannot be fired with others: %s", timer.run_id, error)


def _resolve_together(timers: Sequence[TimerRow], now: datetime) -> set[int]:
    """Resolve the waits that only move their run on; return the ids of the tokens that moved."""
    store = get_store()
    together: dict[Hop, list[OpenWait]] = defaultdict(list)
    for wait in store.list_open_waits(timers):
        if hop := _try_to_find_hop(wait):
            together[hop].append(wait)
    for hop, waits in together.items():
        store.resolve_waits(waits, hop, output={"at": now.isoformat()}, now=now)
    moved = {wait.token_id for waits in together.values() for wait in waits}
    if moved:
        store.ring()
        ring_on_commit()
    return moved


def _try_to_find_hop(wait: OpenWait) -> Hop | None:
    try:
        return find_hop(wait, wait.due_port)
    except Exception:
        # The same error is logged, and the timer put off, when it is fired alone.
        return None
