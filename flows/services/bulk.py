"""Act on many runs, chosen by filter: the act is a row, which a job works off in chunks.

``running`` ──► ``completed``, or ``stopped`` by hand. A chunk, its progress and the job for the
next chunk are one transaction, so a worker that dies leaves nothing half counted or done twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from flows.engine.errors import EngineError
from flows.engine.lanes import Lane
from flows.models import BulkAct, BulkStatus, FlowVersion, RunStatus
from flows.selectors.bulk import Chunk, count_matching_runs, get_next_chunk
from flows.selectors.run_filters import RunFilters
from flows.selectors.run_search import get_newest_run_id
from flows.services.errors import (
    BulkActEnded,
    BulkOptionMissing,
    FilterUnread,
    ServiceError,
    VersionUnfit,
)
from flows.services.operations import migrate_run, move_to_lane
from flows.services.reruns import rerun
from flows.services.run_keys import OwnKey
from flows.services.runs import cancel_run, pause_run, resume_run, retry_run
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import Reach, reach
from workbench.accounts.principals import find_principal
from workbench.audit.services import record
from workbench.dispatch.outbox import enqueue
from workbench.dispatch.registry import job
from workbench.live import nudge_on_commit

Json = Any

CHUNK = 40
MOST_REFUSALS = 100


class Act(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    RERUN = "rerun"
    MIGRATE = "migrate"
    LANE = "lane"


_LIVE = frozenset({RunStatus.RUNNING, RunStatus.PAUSED})
# Runs in other states are left out: they would only be refused.
APPLIES_TO: Mapping[Act, frozenset[RunStatus]] = {
    Act.CANCEL: _LIVE | {RunStatus.FAILED},
    Act.PAUSE: frozenset({RunStatus.RUNNING}),
    Act.RESUME: frozenset({RunStatus.PAUSED}),
    Act.RETRY: frozenset({RunStatus.FAILED}),
    Act.RERUN: frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED}),
    Act.MIGRATE: _LIVE,
    Act.LANE: _LIVE,
}


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """What the act needs beside the runs. An empty ``step`` stands for the start."""

    reason: str = ""
    step: str = ""
    version: int | None = None
    lane: str = ""


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """How many runs an act would touch; more than ``matched`` unless ``is_exact``."""

    act: Act
    matched: int
    is_exact: bool
    up_to: int


def plan_bulk_act(*, act: Act, filters: RunFilters, within: Reach) -> BulkPlan:
    """Count the runs that the act would apply to now."""
    up_to = get_newest_run_id()
    matched, is_exact = count_matching_runs(filters, within, APPLIES_TO[act])
    return BulkPlan(act, matched, is_exact, up_to)


@transaction.atomic
def start_bulk_act(
    *,
    act: Act,
    filters: RunFilters,
    within: Reach,
    actor: Actor,
    now: datetime,
    options: BulkOptions | None = None,
    up_to: int | None = None,
) -> BulkAct:
    """Start to do ``act`` to each matching run, oldest first, up to the run ``up_to``.

    Later runs are left alone, so that nobody acts on what they have not seen.

    Raises: FilterUnread, BulkOptionMissing, VersionUnfit.
    """
    options = options or BulkOptions()
    if filters.unread:
        raise FilterUnread(" ".join(filters.unread), "Correct the filter.")
    _check_options(act, filters, options)
    plan = plan_bulk_act(act=act, filters=filters, within=within)
    bulk = BulkAct.objects.create(
        act=act,
        filters=_dump_filters(filters),
        options=asdict(options),
        within=_dump_reach(within),
        actor=asdict(actor),
        matched=plan.matched,
        is_exact=plan.is_exact,
        up_to=min(up_to, plan.up_to) if up_to else plan.up_to,
        created_at=now,
    )
    payload = {"act": act.value, "matched": plan.matched, "filters": bulk.filters}
    subject = ("bulk", str(bulk.pk))
    record(action="runs.bulk_act", subject=subject, actor=actor, payload=payload, now=now)
    enqueue("flows.bulk_act", {"bulk": bulk.pk, "after": 0}, now=now)
    return bulk


def stop_bulk_act(*, bulk_id: int, actor: Actor, now: datetime) -> None:
    """Stop an act; the runs that it has not reached are left alone. Raises: BulkActEnded."""
    running = BulkAct.objects.filter(pk=bulk_id, status=BulkStatus.RUNNING)
    with transaction.atomic():
        if not running.update(status=BulkStatus.STOPPED, finished_at=now):
            raise BulkActEnded("The act has ended already.", "Look at what it did.")
        subject = ("bulk", str(bulk_id))
        record(action="runs.bulk_stopped", subject=subject, actor=actor, payload={}, now=now)


def _check_options(act: Act, filters: RunFilters, options: BulkOptions) -> None:
    if act is Act.LANE and options.lane not in set(Lane):
        raise BulkOptionMissing("The act needs a lane.", f"Choose one of: {', '.join(Lane)}.")
    needs_flow = act is Act.MIGRATE or options.version is not None or options.step
    if needs_flow and not filters.flow:
        raise BulkOptionMissing(
            "A step or version belongs to one flow.", "Narrow the runs to one flow first."
        )
    if act is Act.MIGRATE and options.version is None:
        raise BulkOptionMissing("The act needs a version.", "Choose the version to move to.")
    if options.version is not None:
        _get_version_id(filters.flow, options.version)


def _get_version_id(flow: str, number: int) -> int:
    version = FlowVersion.objects.filter(flow__name=flow, number=number).values_list("pk").first()
    if version is None:
        raise VersionUnfit(f"Flow {flow} has no version {number}.", "Choose one that it has.")
    found: int = version[0]
    return found


# --- Working it off -----------------------------------------------------------------------


@job("flows.bulk_act")
def work_off_chunk(args: dict[str, Json], now: datetime) -> None:
    """Do one chunk, and enqueue the next. Locks the bulk act, then each run."""
    with transaction.atomic():
        bulk = BulkAct.objects.select_for_update().get(pk=args["bulk"])
        if bulk.status != BulkStatus.RUNNING or bulk.after != args["after"]:
            return
        chunk = _get_chunk(bulk)
        operation = _build_operation(bulk, now)
        for run_id in chunk.ids:
            _apply(operation, run_id, bulk)
        bulk.after = chunk.looked_to
        if chunk.looked_to >= bulk.up_to:
            bulk.status, bulk.finished_at = BulkStatus.COMPLETED, now
        else:
            enqueue("flows.bulk_act", {"bulk": bulk.pk, "after": bulk.after}, now=now)
        bulk.save()
        nudge_on_commit(["runs", "health"], {"bulk": bulk.pk})


def _get_chunk(bulk: BulkAct) -> Chunk:
    return get_next_chunk(
        _load_filters(bulk.filters),
        _find_reach(bulk),
        APPLIES_TO[Act(bulk.act)],
        after=bulk.after,
        up_to=bulk.up_to,
        limit=CHUNK,
    )


def _find_reach(bulk: BulkAct) -> Reach:
    """Return where the act is done: where its actor might when it began, and still may."""
    began, actor = _load_reach(bulk.within), Actor(**bulk.actor)
    if actor.is_server:
        return began
    needed = "runs.start" if Act(bulk.act) is Act.RERUN else "runs.operate"
    now = reach(find_principal(actor), needed)
    if now.everywhere:
        return began
    return now if began.everywhere else Reach(False, began.scopes & now.scopes)


def _apply(operation: Callable[[int], object], run_id: int, bulk: BulkAct) -> None:
    try:
        with transaction.atomic():
            operation(run_id)
    except (ServiceError, EngineError) as error:
        bulk.refused += 1
        if len(bulk.refusals) < MOST_REFUSALS:
            bulk.refusals.append([run_id, str(error)])
    else:
        bulk.done += 1


def _build_operation(bulk: BulkAct, now: datetime) -> Callable[[int], object]:
    """Return the function that does the act to the run with the given id."""
    act, options = Act(bulk.act), BulkOptions(**bulk.options)
    given: dict[str, Any] = {"actor": Actor(**bulk.actor), "now": now}
    version_id = None
    if options.version is not None:
        version_id = _get_version_id(bulk.filters["flow"], options.version)
    if act is Act.RERUN:
        given |= {"step": options.step or None, "version_id": version_id}
        return lambda run_id: rerun(
            run_id=run_id, idempotency_key=OwnKey.of("bulk", bulk.pk, run_id), **given
        )
    more: dict[Act, dict[str, Any]] = {
        Act.CANCEL: {"reason": options.reason},
        Act.LANE: {"lane": options.lane and Lane(options.lane)},
        Act.MIGRATE: {"version_id": version_id},
    }
    service = _SERVICES[act]
    return lambda run_id: service(run_id=run_id, **given, **more.get(act, {}))


_SERVICES: Mapping[Act, Callable[..., object]] = {
    Act.CANCEL: cancel_run,
    Act.PAUSE: pause_run,
    Act.RESUME: resume_run,
    Act.RETRY: retry_run,
    Act.LANE: move_to_lane,
    Act.MIGRATE: migrate_run,
}


# --- Stored as JSON -----------------------------------------------------------------------


def _dump_filters(filters: RunFilters) -> dict[str, Json]:
    times = {"started_from": filters.started_from, "started_to": filters.started_to}
    kept = asdict(filters) | {name: at and at.isoformat() for name, at in times.items()}
    # An act with a filter that could not be read is not started.
    del kept["unread"]
    return kept


def _load_filters(kept: Mapping[str, Json]) -> RunFilters:
    filters = RunFilters(**kept)
    return replace(
        filters,
        started_from=kept["started_from"] and datetime.fromisoformat(kept["started_from"]),
        started_to=kept["started_to"] and datetime.fromisoformat(kept["started_to"]),
    )


def _dump_reach(within: Reach) -> dict[str, Json]:
    return {"everywhere": within.everywhere, "scopes": sorted(map(list, within.scopes))}


def _load_reach(kept: Mapping[str, Json]) -> Reach:
    return Reach(kept["everywhere"], frozenset((flow, queue) for flow, queue in kept["scopes"]))
