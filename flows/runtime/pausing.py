"""Pause and resume a run, together with the runs that it called and waits for.

The journal of a run that was paused because its caller was names that caller (``with``): so
resuming the caller resumes what its pause held, and leaves alone what somebody paused by hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.engine import events
from flows.models import Journal, Run, RunStatus, Wait, WaitState
from flows.store import get_store
from flows.store.base import Store
from flows.store.doorbell import ring_on_commit
from flows.store.rows import JournalRow, RunRow
from flows.store.write_buffer import WriteBuffer
from workbench.dispatch.outbox import enqueue_many

Json = Any
CALLS = ("child", "children")
LIVE = (RunStatus.RUNNING, RunStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class _Call:
    """The run that called a run, and the kind of its wait."""

    run_id: int
    kind: str


def pause(*, run_id: int, now: datetime) -> list[int]:
    """Pause the run and the runs it called; return which, or [] if it does not run.

    Locks them. A run that was paused with its caller counts from now on as paused by itself.
    """
    store = get_store()
    runs, _ = _lock_with_calls(store, run_id)
    run = runs.get(run_id)
    if run is None:
        return []
    if run.status == RunStatus.PAUSED and _get_paused_with([run_id]).get(run_id):
        _journal(store, [run], events.RUN_PAUSED, run_id, now)
        return [run_id]
    if run.status != RunStatus.RUNNING:
        return []
    live = [each for each in runs.values() if each.status == RunStatus.RUNNING]
    _journal(store, live, events.RUN_PAUSED, run_id, now)
    store.set_paused(live, paused=True)
    return [each.id for each in live]


def resume(*, run_id: int, now: datetime) -> list[int]:
    """Resume the run and those that were paused with it; return which, or [] if it is not paused.

    Locks them.
    """
    store = get_store()
    runs, calls = _lock_with_calls(store, run_id)
    run = runs.get(run_id)
    if run is None or run.status != RunStatus.PAUSED:
        return []
    resumed = _list_paused_by(run, runs, calls)
    _resume_all(store, resumed, run_id, now)
    _look_for_turns([each.id for each in resumed], now)
    return [each.id for each in resumed]


def begin(*, run_ids: Iterable[int], now: datetime) -> None:
    """Let called runs begin that were started paused, to wait for their turn. Locks them."""
    store = get_store()
    runs = store.lock_runs(run_ids).values()
    _resume_all(store, [run for run in runs if _waits_for_its_turn(run)], None, now)


def _list_paused_by(
    run: RunRow, runs: Mapping[int, RunRow], calls: Mapping[int, _Call]
) -> list[RunRow]:
    """Return the run and those that were paused with it, callers before the runs they called."""
    paused_with = _get_paused_with([each.id for each in runs.values() if each.status == "paused"])
    # Where the run was paused with its own caller, those it called were paused with that one too.
    origins = {run.id, paused_with.get(run.id)} - {None}
    found = {run.id: run}
    for each in sorted(runs.values(), key=lambda each: each.id):
        call = calls.get(each.id)
        if each.status != RunStatus.PAUSED or call is None or each.id in found:
            continue
        # Called by a step that was under way when its run was paused: it was started paused.
        not_begun = call.kind == "child" and call.run_id in found and _waits_for_its_turn(each)
        if not_begun or paused_with.get(each.id) in origins:
            found[each.id] = each
    return list(found.values())


def _waits_for_its_turn(run: RunRow) -> bool:
    return run.status == RunStatus.PAUSED and run.seq == 1


def _get_paused_with(run_ids: Collection[int]) -> dict[int, int | None]:
    """Return, by run, the run it was last paused or resumed with; None if it was alone."""
    rows = Journal.objects.filter(
        run_id__in=run_ids, kind__in=(events.RUN_PAUSED, events.RUN_RESUMED)
    ).order_by("run_id", "seq")
    return {run_id: (data or {}).get("with") for run_id, data in rows.values_list("run_id", "data")}


def _resume_all(store: Store, runs: Sequence[RunRow], with_run: int | None, now: datetime) -> None:
    if not runs:
        return
    _journal(store, runs, events.RUN_RESUMED, with_run, now)
    store.set_paused(runs, paused=False)
    store.ring()
    ring_on_commit()


def _journal(
    store: Store, runs: Iterable[RunRow], kind: str, with_run: int | None, now: datetime
) -> None:
    buffer = WriteBuffer(store)
    for run in runs:
        data = None if with_run in {None, run.id} else {"with": with_run}
        buffer.append(run, [JournalRow(run.id, kind, now, data=data)])
    buffer.flush()


def _look_for_turns(run_ids: Collection[int], now: datetime) -> None:
    """Have each open for-each of the runs look for its next turn: none came during the pause."""
    waits = Wait.objects.filter(run_id__in=run_ids, state=WaitState.OPEN, kind="children")
    jobs = [
        ("flows.child_ended", {"run": run_id, "wait": wait_id})
        for wait_id, run_id in waits.values_list("pk", "run_id")
    ]
    enqueue_many(jobs, now=now)


# --- The runs that a run called -----------------------------------------------------------


def _lock_with_calls(store: Store, run_id: int) -> tuple[dict[int, RunRow], dict[int, _Call]]:
    """Lock the run and all live runs below it, in id order; return them, with who called whom.

    They are looked for again once they are locked, until there are no more: a locked run calls no
    other, so the second look seldom finds any.
    """
    calls = _find_calls_below(run_id)
    while True:
        runs = store.lock_runs({run_id, *calls})
        again = _find_calls_below(run_id)
        if again.keys() <= calls.keys():
            return runs, calls
        calls |= again


def _find_calls_below(run_id: int) -> dict[int, _Call]:
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
