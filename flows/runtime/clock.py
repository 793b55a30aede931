"""What the clock does for runs: fire timers, take over from dead workers, ring for what is ready.

Any number of processes may do it; each due row is taken by one.
"""

import logging
import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse

from flows.engine import events
from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Timer, Token, Wait
from flows.runtime.alarms import fire_together
from flows.runtime.transitions import fail_token, fail_wait, resolve_wait
from flows.runtime.unanswered import keep_lost
from flows.store import get_store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import JournalRow, TimerRow, TokenRow
from workbench.dispatch.clock import Place, clock_task
from workbench.dispatch.outage import is_away
from workbench.dispatch.outbox import release_claims_except, release_claims_of
from workbench.dispatch.sweeps import Sweep, try_together
from workbench.live import nudge_on_commit

logger = logging.getLogger(__name__)

TIMERS_A_BATCH = 500
# A timer whose firing raises is fired again after so long, doubled each time.
FIRST_PUT_OFF_SECONDS = 5.0
LONGEST_PUT_OFF_SECONDS = 3600.0
ORPHANS_A_BATCH = 500
# A worker beats every 1.5 s; silent for this long it is taken for dead. With the sweep each second
# what it held is taken over within 10 s.
LEASE_SECONDS = 6.0
MOST_DEATHS = 3
# For so long after the database was away no worker is taken for dead.
GRACE_SECONDS = 3.0

_away_at = float("-inf")


def find_runs_of_timers(keys: Sequence[str]) -> dict[str, Place]:
    return {key: _place_of_run(key.split(":")[1]) for key in keys}


def find_runs_of_tokens(keys: Sequence[str]) -> dict[str, Place]:
    tokens = Token.objects.filter(pk__in=keys).values_list("pk", "run_id")
    return {str(token): _place_of_run(run) for token, run in tokens}


def _place_of_run(run: int | str) -> Place:
    return Place(f"Run {run}", reverse("flows:run-detail", args=[run]))


@clock_task("flows.timers", 0.2, "Fire a timer", find_runs_of_timers)
def fire_timers(now: datetime) -> bool:
    """Fire the timers that are due; return whether there may be more."""
    if not Timer.objects.filter(due_at__lte=now).exists():
        # Most ticks: a read, where taking timers would be a write transaction.
        return False
    store, sweep = get_store(), Sweep("flows.timers", now)
    with transaction.atomic():
        timers = store.take_due_timers(now, TIMERS_A_BATCH)
        if not timers:
            return False
        retries = [timer for timer in timers if timer.purpose == "retry"]
        deferred = [timer for timer in timers if timer.purpose == "defer"]
        if store.wake_retries(retries) + store.wake_deferred(deferred):
            store.ring()
            ring_on_commit()
        others = [timer for timer in timers if timer.purpose not in {"retry", "defer"}]
        left = fire_together(others, now)
        bad: set[int] = set()

        def put_off(timer: TimerRow, error: Exception) -> None:
            bad.add(id(timer))
            _put_off(timer, error, sweep)

        try_together(left, lambda some: _fire_each(some, now), put_off)
        sweep.forget(_timer_key(timer) for timer in timers if id(timer) not in bad)
        if len(timers) < TIMERS_A_BATCH:
            sweep.forget_gone()
        nudge_on_commit([*{f"run.{timer.run_id}" for timer in timers}, "runs"], {})
    return len(timers) == TIMERS_A_BATCH


def _timer_key(timer: TimerRow) -> str:
    """Return what a timer is called when it is set aside: its id is new each time it is put off."""
    return f"run:{timer.run_id}:{timer.token_id}:{timer.activation}:{timer.purpose}"


def _fire_each(timers: Sequence[TimerRow], now: datetime) -> None:
    for timer in timers:
        _fire(timer, now)


def _put_off(timer: TimerRow, error: Exception, sweep: Sweep) -> None:
    """Set the timer aside because its firing raised ``error``, and keep it for a later attempt."""
    timer.failures += 1
    growth = 2 ** min(timer.failures - 1, 16)
    delay = min(FIRST_PUT_OFF_SECONDS * growth, LONGEST_PUT_OFF_SECONDS)
    timer.due_at = sweep.now + timedelta(seconds=delay)
    timer.reason = f"{type(error).__name__}: {error}"[:200]
    get_store().insert_timer(timer)
    sweep.blame(_timer_key(timer), error, retry_at=timer.due_at)


def fire_again_at(key: str, now: datetime) -> None:
    """Let the timer that was set aside as ``key`` be due at ``now``, if it is still there."""
    _, _, token_id, activation, purpose = key.split(":")
    put_off = Timer.objects.filter(token_id=token_id, activation=activation, purpose=purpose)
    put_off.filter(due_at__gt=now).update(due_at=now)


def _fire(timer: TimerRow, now: datetime) -> None:
    wait = Wait.objects.filter(
        token_id=timer.token_id, activation=timer.activation, state="open"
    ).first()
    if wait is None:
        return
    try:
        if timer.purpose == "wait":
            port = wait.detail.get("due_port", "done")
            resolve_wait(wait_id=wait.pk, port=port, output={"at": now.isoformat()}, now=now)
        else:
            fail_wait(
                wait_id=wait.pk,
                error={"kind": "timeout", "message": "Nothing resolved the wait in time."},
                now=now,
            )
    except (WaitAlreadyResolved, RunNotActive):
        # The wait was resolved or cancelled meanwhile: the timer has nothing left to do.
        return


@clock_task("flows.takeover", 1.0, "Take over from a dead worker", find_runs_of_tokens)
def take_over(now: datetime) -> bool:
    """Make ready what dead workers held; return whether there may be more."""
    global _away_at  # noqa: PLW0603 - what this process has seen of the database
    try:
        with transaction.atomic():
            # A worker that could not beat while the database was away is not dead: give it time.
            if time.monotonic() - _away_at > GRACE_SECONDS:
                _remove_silent_workers(now)
            sweep = Sweep("flows.takeover", now)
            passed_over = sweep.ids_passed_over()
            orphans = get_store().list_orphans(ORPHANS_A_BATCH, passed_over=passed_over)
            _take_over_orphans(orphans, sweep)
            if len(orphans) < ORPHANS_A_BATCH:
                sweep.forget_gone()
            return len(orphans) == ORPHANS_A_BATCH
    except Exception as error:
        if is_away(error):
            _away_at = time.monotonic()
        raise


def _remove_silent_workers(now: datetime) -> None:
    store, silent_since = get_store(), now - timedelta(seconds=LEASE_SECONDS)
    dead = store.remove_silent_workers(silent_since=silent_since)
    release_claims_of([name for _, name in dead], now)
    # A process may have died before it could register as a worker.
    living = [name for _, name in store.list_workers()]
    release_claims_except(living, claimed_before=silent_since, now=now)


def take_over_from_dead_processes(now: datetime) -> None:
    """Take over at once from this host's workers whose process is gone: a restart need not wait."""
    store = get_store()
    with transaction.atomic():
        for worker_id, name in store.list_workers():
            host, _, pid = name.rpartition(":")
            if host == socket.gethostname() and not _is_alive(int(pid)):
                store.remove_worker(worker_id)
                release_claims_of([name], now)
        _take_over_orphans(store.list_orphans(ORPHANS_A_BATCH), Sweep("flows.takeover", now))


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _take_over_orphans(orphans: Sequence[TokenRow], sweep: Sweep) -> None:
    sweep.together(
        orphans, lambda some: _take_over_some(some, sweep.now), key=lambda token: str(token.id)
    )


def _take_over_some(orphans: Sequence[TokenRow], now: datetime) -> None:
    """Make the orphans ready, or fail those with too many deaths. Locks their runs."""
    store = get_store()
    runs = store.lock_runs({token.run_id for token in orphans})
    made_ready = False
    lost = []
    for token in orphans:
        deaths = store.take_over(token)
        if not deaths:
            continue
        lost.append(token)
        store.append(runs[token.run_id], [_takeover_row(token, deaths, now)])
        if deaths >= MOST_DEATHS:
            _fail_as_poison(token, deaths, now)
            runs |= store.lock_runs([token.run_id])
        else:
            made_ready = True
    keep_lost(lost, {run.id: run.version_id for run in runs.values()}, now)
    if made_ready:
        store.ring()
        ring_on_commit()


def _takeover_row(token: TokenRow, deaths: int, now: datetime) -> JournalRow:
    return JournalRow(
        token.run_id,
        events.STEP_TAKEN_OVER,
        now,
        token.step,
        token.id,
        token.activation,
        token.attempt,
        data={"deaths": deaths},
        worker=token.owner,
    )


def _fail_as_poison(token: TokenRow, deaths: int, now: datetime) -> None:
    message = (
        f"{deaths} workers died while they drove this step. Mend the step, then retry the run."
    )
    error = {"kind": "poison", "message": message}
    fail_token(token_id=token.id, run_id=token.run_id, error=error, now=now)
