"""How the machinery does: workers, tokens, timers, the outbox and the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from flows.models import Run, RunStatus, Timer, Token, TokenState, Wait, WaitState, Worker
from workbench.audit.models import Unsealed
from workbench.dispatch.models import Outbox

# A worker beats every two seconds; the clock takes over what a silent one held after ten.
WORKER_LOST_AFTER = timedelta(seconds=10)
SLOW_TIMER = timedelta(seconds=10)
LEDGER_LAG = timedelta(seconds=10)
NEWEST = 20


@dataclass(frozen=True, slots=True)
class WorkerRow:
    worker: Worker
    state: str
    holds: int


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
    """Return the state of the machinery: nine queries, each bounded by what is live."""
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
            "The oldest has been ready for over a minute. Add workers, or see what they hold.",
        )
    if health.oldest_timer_at and now - health.oldest_timer_at > SLOW_TIMER:
        yield Problem(
            "error",
            "The clock is behind",
            "Timers are overdue: retries and reminders come late. Start one: manage.py clock.",
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
