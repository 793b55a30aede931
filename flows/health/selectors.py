"""How the machinery does: workers, lanes, tokens, timers, the outbox, the ledger, what is stuck."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, Min, OuterRef, Q, Value, When

from flows.engine.lanes import Lane, first_of
from flows.models import Run, RunStatus, Timer, Token, TokenState, Wait, WaitState, Worker
from workbench.audit.models import Unsealed
from workbench.dispatch.models import Outbox

# A worker beats every two seconds; the clock takes over what a silent one held after ten.
WORKER_LOST_AFTER = timedelta(seconds=10)
SLOW_TIMER = timedelta(seconds=10)
LEDGER_LAG = timedelta(seconds=10)
NEWEST = 8
# A step that is under way for longer, or ready for longer, is shown. Either may be in order.
LONG_STEP = timedelta(minutes=15)
LONG_READY = timedelta(minutes=1)
# Of the live runs the oldest are the likely stuck ones; the look must stay short.
OLDEST_RUNS = 500


@dataclass(frozen=True, slots=True)
class WorkerRow:
    worker: Worker
    state: str
    holds: int


@dataclass(frozen=True, slots=True)
class LaneRow:
    """What a lane holds. ``oldest_at`` is since when the longest-ready one waits for a worker."""

    lane: Lane
    ready: int
    running: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class StuckRow:
    """A run that may not move by itself: at which step, since when, and what that means."""

    run: Run
    step: str
    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an operator must look at: what it is, what it means, what to do."""

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
    at: datetime

    @property
    def problems(self) -> list[Problem]:
        return list(_problems(self))


def get_health(now: datetime) -> Health:
    """Return the state of the machinery: twelve queries, each bounded by what is live."""
    tokens = _counts(Token.objects.values_list("state").annotate(n=Count("pk")).order_by())
    timers = Timer.objects.aggregate(
        due=Count("pk", filter=Q(due_at__gt=now)),
        overdue=Count("pk", filter=Q(due_at__lte=now)),
        retries=Count("pk", filter=Q(purpose="retry")),
        oldest=Min("due_at"),
    )
    unsealed = Unsealed.objects.aggregate(n=Count("pk"), oldest=Min("entry__at"))
    return Health(
        workers=_workers(now),
        tokens={state: tokens.get(state, 0) for state in TokenState.values},
        lanes=_lanes(),
        stuck=[*_slow_steps(now), *_without_moves()],
        oldest_ready_at=Token.objects.filter(state=TokenState.READY).aggregate(at=Min("since"))[
            "at"
        ],
        timers=timers,
        oldest_timer_at=timers["oldest"],
        waits=_counts(
            Wait.objects.filter(state=WaitState.OPEN)
            .values_list("kind")
            .annotate(n=Count("pk"))
            .order_by()
        ),
        runs=_live_runs(),
        outbox=Outbox.objects.aggregate(
            pending=Count("pk", filter=Q(dead_at=None)),
            dead=Count("pk", filter=Q(dead_at__isnull=False)),
            late=Count("pk", filter=Q(dead_at=None, due_at__lt=now - SLOW_TIMER)),
        ),
        dead=list(Outbox.objects.filter(dead_at__isnull=False).order_by("-pk")[:NEWEST]),
        unsealed=unsealed["n"],
        unsealed_since=unsealed["oldest"],
        failed_runs=list(
            Run.objects.filter(status=RunStatus.FAILED)
            .select_related("flow")
            .defer("flow__draft", "input", "output")
            .order_by("-pk")[:NEWEST]
        ),
        at=now,
    )


def _counts(rows: Any) -> dict[str, int]:
    return dict(rows)


def _lanes() -> list[LaneRow]:
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


def _slow_steps(now: datetime) -> list[StuckRow]:
    running = Q(state=TokenState.RUNNING, since__lt=now - LONG_STEP)
    ready = Q(state=TokenState.READY, since__lt=now - LONG_READY)
    tokens = Token.objects.filter(running | ready).select_related("run__flow").order_by("since")
    tokens = tokens.defer("run__input", "run__output", "run__flow__draft")
    why = {
        TokenState.RUNNING: "Its step is under way for long. Cancelling the run ends it at once.",
        TokenState.READY: "No worker has taken it up. Its lane is full, or no worker is there.",
    }
    return [
        StuckRow(token.run, token.step, token.since, why[TokenState(token.state)])
        for token in tokens[:NEWEST]
    ]


def _without_moves() -> list[StuckRow]:
    """Return old runs that nothing will move: no token, or one that waits for nothing."""
    oldest = Run.objects.filter(status=RunStatus.RUNNING).order_by("pk").values("pk")[:OLDEST_RUNS]
    moved = Token.objects.filter(run=OuterRef("pk"), state__in=["ready", "running", "held"])
    waits = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN)
    timers = Timer.objects.filter(run=OuterRef("pk"))
    runs = Run.objects.filter(pk__in=list(oldest.values_list("pk", flat=True)))
    runs = runs.filter(~Exists(moved), ~Exists(waits), ~Exists(timers)).select_related("flow")
    why = "Nothing moves it any more. Cancel it and run it again, and report it: it must not be."
    return [
        StuckRow(run, "", run.started_at, why)
        for run in runs.defer("input", "output", "flow__draft").order_by("pk")[:NEWEST]
    ]


def _live_runs() -> dict[str, int]:
    live = Run.objects.filter(status__in=[RunStatus.RUNNING, RunStatus.PAUSED])
    return _counts(live.values_list("status").annotate(n=Count("pk")).order_by())


def _workers(now: datetime) -> list[WorkerRow]:
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


def _who_waits(lanes: Sequence[LaneRow], now: datetime) -> str:
    late = [row.lane.value for row in lanes if row.oldest_at and now - row.oldest_at > LONG_READY]
    if late == [Lane.BULK]:
        return "Only bulk ones: they run when there is room. Add workers if that takes too long."
    return f"In lane {', '.join(late)}, for over a minute. Add workers, or see what they hold."


def _problems(health: Health) -> Any:
    now = health.at
    if not any(row.state == "alive" for row in health.workers):
        yield Problem(
            "error", "No worker is alive", "Runs start and wait. Start one: manage.py worker."
        )
    if health.oldest_ready_at and now - health.oldest_ready_at > timedelta(minutes=1):
        yield Problem(
            "warning",
            "Steps wait for a worker",
            _who_waits(health.lanes, now),
        )
    if health.oldest_timer_at and now - health.oldest_timer_at > SLOW_TIMER:
        yield Problem(
            "error",
            "The clock is behind",
            "Timers are overdue: retries and reminders come late. Start one: manage.py clock.",
        )
    if without := [row for row in health.stuck if not row.step]:
        yield Problem(
            "error",
            "1 run is stuck" if len(without) == 1 else f"{len(without)} runs are stuck",
            "Nothing moves it any more; see below.",
        )
    if health.outbox["dead"]:
        yield Problem(
            "error",
            f"{health.outbox['dead']} messages could not be delivered",
            "They were tried eight times. Their errors are below.",
        )
    if health.unsealed_since and now - health.unsealed_since > LEDGER_LAG:
        yield Problem(
            "warning",
            "The ledger is not being sealed",
            "New entries are chained but not yet signed. The clock seals them: manage.py clock.",
        )
