"""End many waits at once when their time has come.

Each timer fired alone costs a dozen statements, and ten thousand of one second would be late by
half a minute. Most only move their run to the next step, which needs no plan: those go together.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.utils import InterfaceError, OperationalError

from flows.runtime.doorbell import ring_on_commit
from flows.runtime.transitions import hop_of
from flows.store import get_store
from flows.store.rows import Hop, OpenWait, TimerRow

logger = logging.getLogger(__name__)


def fire_together(timers: Sequence[TimerRow], now: datetime) -> list[TimerRow]:
    """Fire the timers whose runs only move on; return those that must be fired one by one.

    Call inside the transaction that took them, which holds the locks of their runs.
    """
    alone = Counter(timer.run_id for timer in timers)
    plain = [timer for timer in timers if timer.purpose == "wait" and alone[timer.run_id] == 1]
    try:
        with transaction.atomic():
            moved = _move_on(plain, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("Timers could not be fired together; firing each alone")
        return list(timers)
    return [timer for timer in timers if timer.token_id not in moved]


def _move_on(timers: Sequence[TimerRow], now: datetime) -> set[int]:
    """Move what can be moved together; return the ids of the tokens that were."""
    store = get_store()
    together: dict[Hop, list[OpenWait]] = defaultdict(list)
    for wait in store.list_open_waits(timers):
        if hop := _hop(wait):
            together[hop].append(wait)
    for hop, waits in together.items():
        store.resolve_waits(waits, hop, output={"at": now.isoformat()}, now=now)
    moved = {wait.token_id for waits in together.values() for wait in waits}
    if moved:
        store.ring()
        ring_on_commit()
    return moved


def _hop(wait: OpenWait) -> Hop | None:
    try:
        return hop_of(wait, wait.due_port)
    except Exception:
        # Fired alone, it says why and is put off.
        return None
