"""Close a breaker by hand, and retry dead letters and dead messages in bulk."""

from collections import Counter
from datetime import datetime

from django.db import transaction

from flows.health.selectors import list_dead_run_ids
from flows.models import BulkAct, RunStatus
from flows.resilience import gate
from flows.resilience.breakers import CLOSED
from flows.resilience.models import Breaker, BreakerState
from flows.runtime.clock import fire_again_at
from flows.selectors.run_filters import RunFilters
from flows.services import Act, BulkResult, for_each_run, retry_run, start_bulk_act
from flows.services.errors import ServiceError
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import Reach
from workbench.audit.services import record
from workbench.dispatch.models import Outbox, SetAside
from workbench.dispatch.outbox import revive_jobs
from workbench.dispatch.sweeps import try_now
from workbench.live import nudge_on_commit

MOST_AT_ONCE = 1000
TIMERS = "flows.timers"


class BreakerUnknown(ServiceError):
    """No breaker has this destination, or it is closed."""


class SetAsideUnknown(ServiceError):
    """No row is set aside under this id."""


@transaction.atomic
def reset_breaker(*, destination: str, actor: Actor, now: datetime) -> None:
    """Close a breaker, so that the next calls are made. Raises: BreakerUnknown."""
    rows = Breaker.objects.filter(destination=destination).exclude(
        state=BreakerState.CLOSED, failures=0
    )
    if not rows.update(**CLOSED):
        raise BreakerUnknown(
            f"No breaker of {destination!r} is open.", "Look at the list of breakers."
        )
    record(
        action="breaker.reset",
        subject=("destination", destination),
        actor=actor,
        payload={"destination": destination},
        now=now,
    )
    gate.view.forget()
    nudge_on_commit(["health"], {"breaker": destination})


@transaction.atomic
def retry_set_aside(*, set_aside_id: int, actor: Actor, now: datetime) -> None:
    """Let the clock try a row that is set aside at its next sweep. Raises: SetAsideUnknown."""
    try:
        row = try_now(set_aside_id, now)
    except SetAside.DoesNotExist:
        raise SetAsideUnknown("The row is set aside no longer.", "Look at the list.") from None
    if row.task == TIMERS:
        # A timer has an instant of its own, until which it was put off.
        fire_again_at(row.key, now)
    record(
        action="set_aside.retried",
        subject=("clock", row.task),
        actor=actor,
        payload={"task": row.task, "key": row.key, "cause": row.cause},
        now=now,
    )
    nudge_on_commit(["health"], {"set_aside": row.pk})


@transaction.atomic
def revive_dead_jobs(*, actor: Actor, now: datetime) -> int:
    """Have the oldest MOST_AT_ONCE dead messages delivered again; return how many there were."""
    dead = Outbox.objects.select_for_update(of=("self",)).filter(dead_at__isnull=False)
    jobs = dict(dead.order_by("pk").values_list("pk", "job")[:MOST_AT_ONCE])
    revived = revive_jobs(jobs, now=now)
    if revived:
        record(
            action="jobs.revived",
            subject=("clock", "dispatch.resend_due"),
            actor=actor,
            payload={"messages": revived, "jobs": dict(Counter(jobs.values()))},
            now=now,
        )
        nudge_on_commit(["health"], {"revived": revived})
    return revived


def start_retry_of_dead_runs(
    *, kind: str, flow: str, within: Reach, actor: Actor, now: datetime
) -> BulkAct:
    """Start an act on many runs that retries failed ones from where they failed.

    ``kind`` and ``flow`` narrow them as in ``retry_dead_runs``.
    """
    filters = RunFilters(state=RunStatus.FAILED.value, error=kind, flow=flow)
    return start_bulk_act(act=Act.RETRY, filters=filters, within=within, actor=actor, now=now)


def retry_dead_runs(
    *, kind: str, flow: str, within: Reach, actor: Actor, now: datetime, most: int = MOST_AT_ONCE
) -> BulkResult:
    """Retry failed runs at once, oldest first, each in a transaction of its own.

    ``kind`` (of the error) and ``flow`` narrow them; an empty one takes all.
    """
    ids = list_dead_run_ids(kind=kind, flow=flow, within=within, most=most)
    return for_each_run(ids, lambda run_id: retry_run(run_id=run_id, actor=actor, now=now))
