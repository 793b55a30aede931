"""How the machinery does: workers, lanes, tokens, timers, the outbox, the ledger, stuck runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, Min, OuterRef, Q, Value, When

from flows.engine.lanes import Lane, first_of
from flows.health.selectors.set_aside import (
    SetAsideRow,
    count_set_aside,
    list_set_aside_rows,
)
from flows.models import Run, RunStatus, Timer, Token, TokenState, Wait, WaitState, Worker
from workbench.audit.models import Unsealed
from workbench.dispatch.models import Outbox

# A worker beats every two seconds; the clock takes over what a silent one held after ten.
WORKER_LOST_AFTER = timedelta(seconds=10)
SLOW_TIMER = timedelta(seconds=10)
LEDGER_LAG = timedelta(seconds=10)
NEWEST = 8
# A step that is under way, or ready, for longer than this is shown. It may be all right.
LONG_STEP = timedelta(minutes=15)
LONG_READY = timedelta(minutes=1)
# Only the oldest live runs are looked at: they are the likely stuck ones.
OLDEST_RUNS = 500


@dataclass(frozen=True, slots=True)
class WorkerRow:
    worker: Worker
    state: str
    holds: int


@dataclass(frozen=True, slots=True)
class LaneRow:
    """The tokens of a lane. ``oldest_at`` is since when one waits for a worker."""

    lane: Lane
    ready: int
    running: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class StuckRow:
    """A run that may be stuck: at which step, since when, and what that means."""

    run: Run
    step: str
    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that an operator must look at: what it is, what it means, what to do."""

    level: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    workers: Sequence[WorkerRow]
    tokens: Mapping[str, int]
    lanes: Sequence[LaneRow]
    stuck: Sequence[StuckRow]
    oldest_ready_at: datetime | None
    timers: Mapping[str, int]
    oldest_timer_at: datetime | None
    waits: Mapping[str, int]
    runs: Mapping[str, int]
    outbox: Mapping[str, Any]
    dead: Sequence[Outbox]
    unsealed: int
    unsealed_since: datetime | None
    failed_runs: Sequence[Run]
    set_aside: Sequence[SetAsideRow]
    set_aside_count: int
    at: datetime

    @property
    def problems(self) -> list[Problem]:
        return list(_find_problems(self))


def get_health(now: datetime) -> Health:
    """Return the state of the machinery: fourteen queries, each bounded by what is live."""
    timers, unsealed = _count_timers(now), _count_unsealed()
    return Health(
        workers=_list_workers(now),
        tokens=_count_tokens(),
        lanes=_list_lanes(),
        stuck=[*_list_slow_steps(now), *_list_unmovable_runs()],
        oldest_ready_at=_get_oldest_ready(),
        timers=timers,
        oldest_timer_at=timers["oldest"],
        waits=_count_waits(),
        runs=_count_live_runs(),
        outbox=_count_outbox(now),
        dead=list(Outbox.objects.filter(dead_at__isnull=False).order_by("-pk")[:NEWEST]),
        unsealed=unsealed["n"],
        unsealed_since=unsealed["oldest"],
        failed_runs=_list_failed_runs(),
        set_aside=list_set_aside_rows(),
        set_aside_count=count_set_aside(),
        at=now,
    )


def _count_tokens() -> dict[str, int]:
    rows = Token.objects.values_list("state").annotate(n=Count("pk")).order_by()
    counts = dict(rows)
    return {state: counts.get(state, 0) for state in TokenState.values}


def _get_oldest_ready() -> datetime | None:
    ready = Token.objects.filter(state=TokenState.READY)
    oldest: datetime | None = ready.aggregate(at=Min("since"))["at"]
    return oldest


def _count_timers(now: datetime) -> dict[str, Any]:
    return Timer.objects.aggregate(
        due=Count("pk", filter=Q(due_at__gt=now)),
        overdue=Count("pk", filter=Q(due_at__lte=now)),
        retries=Count("pk", filter=Q(purpose="retry")),
        oldest=Min("due_at"),
    )


def _count_waits() -> dict[str, int]:
    waits = Wait.objects.filter(state=WaitState.OPEN).values_list("kind")
    return dict(waits.annotate(n=Count("pk")).order_by())


def _count_outbox(now: datetime) -> dict[str, int]:
    return Outbox.objects.aggregate(
        pending=Count("pk", filter=Q(dead_at=None)),
        dead=Count("pk", filter=Q(dead_at__isnull=False)),
        late=Count("pk", filter=Q(dead_at=None, due_at__lt=now - SLOW_TIMER)),
    )


def _count_unsealed() -> dict[str, Any]:
    return Unsealed.objects.aggregate(n=Count("pk"), oldest=Min("entry__at"))


def _list_failed_runs() -> list[Run]:
    failed = Run.objects.filter(status=RunStatus.FAILED).select_related("flow")
    return list(failed.defer("flow__draft", "input", "output").order_by("-pk")[:NEWEST])


def _list_lanes() -> list[LaneRow]:
    lane = Case(
        *(When(priority__gte=first_of(each), then=Value(each.value)) for each in reversed(Lane)),
        default=Value(Lane.INTERACTIVE.value),
    )
    moving = Token.objects.filter(state__in=[TokenState.READY, TokenState.RUNNING])
    ready, running = Q(state=TokenState.READY), Q(state=TokenState.RUNNING)
    rows = moving.annotate(lane=lane).values_list("lane").order_by()
    counted = rows.annotate(
        ready=Count("pk", filter=ready),
        running=Count("pk", filter=running),
        oldest_at=Min("since", filter=ready),
    )
    found = {row[0]: row[1:] for row in counted}
    return [LaneRow(each, *found.get(each.value, (0, 0, None))) for each in Lane]


def _list_slow_steps(now: datetime) -> list[StuckRow]:
    running = Q(state=TokenState.RUNNING, since__lt=now - LONG_STEP)
    ready = Q(state=TokenState.READY, since__lt=now - LONG_READY)
    tokens = Token.objects.filter(running | ready).select_related("run__flow").order_by("since")
    tokens = tokens.defer("run__input", "run__output", "run__flow__draft")
    why = {
        TokenState.RUNNING: "Its step takes long. Cancelling the run ends it at once.",
        TokenState.READY: "No worker has claimed it. Its lane is full, or no worker is there.",
    }
    return [
        StuckRow(token.run, token.step, token.since, why[TokenState(token.state)])
        for token in tokens[:NEWEST]
    ]


def _list_unmovable_runs() -> list[StuckRow]:
    """Return old runs that nothing will move: no token, or one that waits for nothing."""
    oldest = Run.objects.filter(status=RunStatus.RUNNING).order_by("pk").values("pk")[:OLDEST_RUNS]
    moved = Token.objects.filter(run=OuterRef("pk"), state__in=["ready", "running", "held"])
    waits = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN)
    timers = Timer.objects.filter(run=OuterRef("pk"))
    runs = Run.objects.filter(pk__in=list(oldest.values_list("pk", flat=True)))
    runs = runs.filter(~Exists(moved), ~Exists(waits), ~Exists(timers)).select_related("flow")
    why = "Nothing will move it. Cancel it, run it again, and report it: this is a defect."
    return [
        StuckRow(run, "", run.started_at, why)
        for run in runs.defer("input", "output", "flow__draft").order_by("pk")[:NEWEST]
    ]


def _count_live_runs() -> dict[str, int]:
    live = Run.objects.filter(status__in=[RunStatus.RUNNING, RunStatus.PAUSED])
    return dict(live.values_list("status").annotate(n=Count("pk")).order_by())


def _list_workers(now: datetime) -> list[WorkerRow]:
    running = Token.objects.filter(state=TokenState.RUNNING)
    held = dict(running.values_list("owner").annotate(n=Count("pk")).order_by())
    return [
        WorkerRow(worker, _worker_state(worker, now), held.get(worker.pk, 0))
        for worker in Worker.objects.order_by("-beat_at", "name")
    ]


def _worker_state(worker: Worker, now: datetime) -> str:
    if now - worker.beat_at > WORKER_LOST_AFTER:
        return "lost"
    return "draining" if worker.draining else "alive"


def _find_problems(health: Health) -> Iterator[Problem]:
    yield from _problems_of_workers(health)
    if health.oldest_timer_at and health.at - health.oldest_timer_at > SLOW_TIMER:
        yield Problem(
            "error",
            "The clock is behind",
            "Timers are overdue: retries and reminders come late. Start one: manage.py clock.",
        )
    if stuck := [row for row in health.stuck if not row.step]:
        yield Problem(
            "error",
            "1 run is stuck" if len(stuck) == 1 else f"{len(stuck)} runs are stuck",
            "Nothing moves it any more; see below.",
        )
    if health.outbox["dead"]:
        yield Problem(
            "error",
            f"{health.outbox['dead']} messages could not be delivered",
            "They were tried eight times. Their errors are below.",
        )
    if health.set_aside_count:
        one = health.set_aside_count == 1
        yield Problem(
            "error",
            "1 row is set aside" if one else f"{health.set_aside_count} rows are set aside",
            "The clock could not do it and goes on with the others; see below."
            if one
            else "The clock could not do them and goes on with the others; see below.",
        )
    if health.unsealed_since and health.at - health.unsealed_since > LEDGER_LAG:
        yield Problem(
            "warning",
            "The ledger is not being sealed",
            "New entries are chained but not yet signed. The clock seals them: manage.py clock.",
        )


def _problems_of_workers(health: Health) -> Iterator[Problem]:
    if not any(row.state == "alive" for row in health.workers):
        yield Problem(
            "error", "No worker is alive", "Runs start and wait. Start one: manage.py worker."
        )
    if health.oldest_ready_at and health.at - health.oldest_ready_at > LONG_READY:
        advice = _advise_on_lanes(health.lanes, health.at)
        yield Problem("warning", "Steps wait for a worker", advice)


def _advise_on_lanes(lanes: Sequence[LaneRow], now: datetime) -> str:
    late = [row.lane.value for row in lanes if row.oldest_at and now - row.oldest_at > LONG_READY]
    if late == [Lane.BULK]:
        return "Only bulk ones: they run when there is room. Add workers if that takes too long."
    return f"In lane {', '.join(late)}, for over a minute. Add workers, or see what they hold."
