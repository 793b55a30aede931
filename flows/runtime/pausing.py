"""Hold a run and let it go on, together with the runs that it called and waits for.

What is held because its caller was says so in its journal (``with``): resuming the caller lets go
on what the pause held, and leaves alone what somebody held by hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.engine import events
from flows.models import Journal, Run, RunStatus, Wait, WaitState
from flows.runtime.doorbell import ring_on_commit
from flows.store import get_store
from flows.store.base import Store
from flows.store.rows import JournalRow, RunRow
from flows.store.write_buffer import WriteBuffer
from workbench.dispatch import enqueue_many

Json = Any
CALLS = ("child", "children")
LIVE = (RunStatus.RUNNING, RunStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class _Call:
    """By which run a run was called, and by what kind of wait."""

    run_id: int
    kind: str


def pause(*, run_id: int, now: datetime) -> list[int]:
    """Hold the run and the runs it called; return which were held, or [] if it does not run.

    Locks them. One that is held with its caller is from now on held for itself.
    """
    store = get_store()
    runs, _ = _lock_with_called(store, run_id)
    run = runs.get(run_id)
    if run is None:
        return []
    if run.status == RunStatus.PAUSED and _held_with([run_id]).get(run_id):
        _write(store, [run], events.RUN_PAUSED, run_id, now)
        return [run_id]
    if run.status != RunStatus.RUNNING:
        return []
    held = [each for each in runs.values() if each.status == RunStatus.RUNNING]
    _write(store, held, events.RUN_PAUSED, run_id, now)
    store.set_paused(held, paused=True)
    return [each.id for each in held]


def resume(*, run_id: int, now: datetime) -> list[int]:
    """Let the run go on, with those that were held with it; return which, or [] if none is held.

    Locks them.
    """
    store = get_store()
    runs, calls = _lock_with_called(store, run_id)
    run = runs.get(run_id)
    if run is None or run.status != RunStatus.PAUSED:
        return []
    going = _held_by(run, runs, calls)
    _go_on(store, going, run_id, now)
    _begin_waiting_turns([each.id for each in going], now)
    return [each.id for each in going]


def begin(*, run_ids: Iterable[int], now: datetime) -> None:
    """Let called runs begin whose turn has come: they were started held. Locks them."""
    store = get_store()
    runs = store.lock_runs(run_ids).values()
    _go_on(store, [run for run in runs if _waits_for_its_turn(run)], None, now)


def _held_by(run: RunRow, runs: Mapping[int, RunRow], calls: Mapping[int, _Call]) -> list[RunRow]:
    """Return the run and what was held with it, callers before the runs they called."""
    held_with = _held_with([each.id for each in runs.values() if each.status == "paused"])
    # Held with its own caller it had runs held with that caller too.
    origins = {run.id, held_with.get(run.id)} - {None}
    going = {run.id: run}
    for each in sorted(runs.values(), key=lambda each: each.id):
        call = calls.get(each.id)
        if each.status != RunStatus.PAUSED or call is None or each.id in going:
            continue
        # Called by a step that was under way when its run was held: it has not begun.
        not_begun = call.kind == "child" and call.run_id in going and _waits_for_its_turn(each)
        if not_begun or held_with.get(each.id) in origins:
            going[each.id] = each
    return list(going.values())


def _waits_for_its_turn(run: RunRow) -> bool:
    return run.status == RunStatus.PAUSED and run.seq == 1


def _held_with(run_ids: Collection[int]) -> dict[int, int | None]:
    """Return with which run each was held last; None for one that was held by itself."""
    rows = Journal.objects.filter(
        run_id__in=run_ids, kind__in=(events.RUN_PAUSED, events.RUN_RESUMED)
    ).order_by("run_id", "seq")
    return {run_id: (data or {}).get("with") for run_id, data in rows.values_list("run_id", "data")}


def _go_on(store: Store, runs: Sequence[RunRow], resumed: int | None, now: datetime) -> None:
    if not runs:
        return
    _write(store, runs, events.RUN_RESUMED, resumed, now)
    store.set_paused(runs, paused=False)
    store.ring()
    ring_on_commit()


def _write(
    store: Store, runs: Iterable[RunRow], kind: str, act_on: int | None, now: datetime
) -> None:
    buffer = WriteBuffer(store)
    for run in runs:
        data = None if act_on in {None, run.id} else {"with": act_on}
        buffer.append(run, [JournalRow(run.id, kind, now, data=data)])
    buffer.flush()


def _begin_waiting_turns(run_ids: Collection[int], now: datetime) -> None:
    """While the run was held no turn of its for-each came: look again."""
    waits = Wait.objects.filter(run_id__in=run_ids, state=WaitState.OPEN, kind="children")
    jobs = [
        ("flows.child_ended", {"run": run_id, "wait": wait_id})
        for wait_id, run_id in waits.values_list("pk", "run_id")
    ]
    enqueue_many(jobs, now=now)


# --- The runs that a run called -----------------------------------------------------------


def _lock_with_called(store: Store, run_id: int) -> tuple[dict[int, RunRow], dict[int, _Call]]:
    """Lock the run and all live runs below it, in id order: found first, and looked for again.

    A run under lock calls no other, so that the second look seldom finds more.
    """
    calls = _calls_below(run_id)
    while True:
        runs = store.lock_runs({run_id, *calls})
        again = _calls_below(run_id)
        if again.keys() <= calls.keys():
            return runs, calls
        calls |= again


def _calls_below(run_id: int) -> dict[int, _Call]:
    """Return the live runs that the run and its called runs wait for. Two queries a level."""
    calls: dict[int, _Call] = {}
    level = {run_id}
    while level:
        waits = Wait.objects.filter(run_id__in=level, state=WaitState.OPEN, kind__in=CALLS)
        by_wait = {
            pk: _Call(caller, kind)
            for pk, caller, kind in waits.values_list("pk", "run_id", "kind")
        }
        live = Run.objects.filter(parent_wait_id__in=by_wait.keys(), status__in=LIVE)
        found = {
            pk: by_wait[wait_id]
            for pk, wait_id in live.values_list("pk", "parent_wait_id")
            if wait_id is not None
        }
        level = found.keys() - calls.keys()
        calls |= found
    return calls
