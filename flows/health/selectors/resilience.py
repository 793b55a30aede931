"""Breakers, limits and dead letters: what holds steps back, and what was given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.db.models.fields.json import KT

from flows.models import Run, RunStatus, Timer
from flows.resilience.models import Breaker, BreakerState, Slot
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach
from workbench.dispatch.models import Outbox

NEWEST = 50


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Failed runs with one kind of error in one flow."""

    kind: str
    flow: str
    title: str
    runs: int
    first_at: datetime
    last_at: datetime
    newest: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A breaker or limit that holds activations back, and how many."""

    reason: str
    waiting: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Resilience:
    """What holds steps back, and what was given up; ``slots`` are counts by scope."""

    breakers: Sequence[Breaker]
    held_back: Sequence[HeldBack]
    slots: Sequence[tuple[str, int]]
    poison_timers: Sequence[Timer]
    dead: Sequence[DeadGroup]
    dead_jobs: Sequence[Outbox]


def get_resilience(within: Reach) -> Resilience:
    """Return what holds steps back, and what was given up. Six queries."""
    deferred = Timer.objects.filter(purpose="defer").values("reason")
    held = deferred.annotate(waiting=Count("pk"), next_at=Min("due_at")).order_by("-waiting")
    slots = Slot.objects.values_list("scope").annotate(n=Count("pk")).order_by("-n", "scope")
    return Resilience(
        breakers=list_breakers(),
        held_back=[HeldBack(**row) for row in held[:NEWEST]],
        slots=list(slots[:NEWEST]),
        poison_timers=list(
            Timer.objects.filter(failures__gt=0).exclude(reason="").order_by("-failures")[:NEWEST]
        ),
        dead=list_dead_groups(within),
        dead_jobs=list(Outbox.objects.filter(dead_at__isnull=False).order_by("-pk")[:NEWEST]),
    )


def list_breakers() -> list[Breaker]:
    """Return the breakers that are open or count failures, the open ones first. One query."""
    troubled = Breaker.objects.filter(~Q(state=BreakerState.CLOSED) | Q(failures__gt=0))
    return list(troubled.order_by("-state", "destination"))


def list_dead_groups(within: Reach) -> list[DeadGroup]:
    """Return failed runs by kind of error and flow, the most first. One query."""
    groups = (
        _failed_runs(within)
        .values("error_kind", "flow__name", "flow__title")
        .annotate(
            runs=Count("pk"), first=Min("finished_at"), last=Max("finished_at"), newest=Max("pk")
        )
        .order_by("-runs")[:NEWEST]
    )
    return [
        DeadGroup(
            kind=row["error_kind"] or "",
            flow=row["flow__name"],
            title=row["flow__title"],
            runs=row["runs"],
            first_at=row["first"],
            last_at=row["last"],
            newest=row["newest"],
        )
        for row in groups
    ]


def list_dead_run_ids(*, kind: str, flow: str, within: Reach, most: int) -> list[int]:
    """Return the ids of failed runs, oldest first; empty arguments take every one. One query."""
    runs = _failed_runs(within)
    if kind:
        runs = runs.filter(error__kind=kind)
    if flow:
        runs = runs.filter(flow__name=flow)
    return list(runs.order_by("pk").values_list("pk", flat=True)[:most])


def _failed_runs(within: Reach) -> Any:
    failed = Run.objects.filter(within_reach(within, "flow__"), status=RunStatus.FAILED)
    return failed.annotate(error_kind=KT("error__kind"))


def get_breaker(destination: str) -> Breaker:
    """Return a breaker. One query. Raises: Breaker.DoesNotExist."""
    return Breaker.objects.get(destination=destination)
