"""Move a case from state to state, and record events in its history and the ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F

from flows.models import Run
from reviews.errors import CaseStale, LeaseExpired
from reviews.models import Case, CaseEvent
from reviews.models.states import CaseState, check_move
from reviews.selectors.acting import Acting
from reviews.selectors.eligibility import find_obstacle
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import Act, record, record_many
from workbench.live import nudge_on_commit

ENGINE = Actor.system("engine")
CLOCK = Actor.system("clock")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record in a case's history and, as ``case.<kind>``, in the ledger."""

    case: Case
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


def move_case(case: Case, to: CaseState, **changes: Any) -> None:
    """Move the case to a state, if it has not changed since ``case`` was read.

    One conditional UPDATE, which locks the row until the commit. ``case`` gets the new values.

    Raises: MoveNotAllowed, CaseStale.
    """
    check_move(case.state, to)
    moved = Case.objects.filter(pk=case.pk, state=case.state, revision=case.revision).update(
        state=to, revision=F("revision") + 1, **changes
    )
    if not moved:
        raise CaseStale(
            "The case changed while you looked at it. Look at what changed, then do it again."
        )
    case.state = to
    case.revision += 1
    for name, value in changes.items():
        setattr(case, name, value)


def lock_run(case: Case) -> None:
    """Lock the case's run until the commit.

    To resume a run, lock it before its case, as the engine does to cancel a run: the other order
    would deadlock.
    """
    lock_runs([case.run_id])


def lock_runs(run_ids: Collection[int]) -> None:
    """Lock these runs until the commit, always in the order of their ids."""
    runs = Run.objects.select_for_update(of=("self",)).filter(pk__in=run_ids).order_by("pk")
    list(runs.values_list("pk"))


def get_case(case_id: int) -> Case:
    """Return the case with its people and queue: one query. Raises: Case.DoesNotExist."""
    return Case.objects.select_related("queue", "claimed_by", "familiar").get(pk=case_id)


def lock_free_cases(case_ids: Collection[int]) -> dict[int, Case]:
    """Lock the cases, but for those that another transaction holds; return them by their ids.

    One query, with their people and queues as by ``get_case``. Whoever works on many cases in a
    transaction locks them so: it never waits for one while it keeps others from whom it waits for.
    """
    free = Case.objects.select_for_update(of=("self",), skip_locked=True)
    cases = free.select_related("queue", "claimed_by", "familiar").filter(pk__in=case_ids)
    return {case.pk: case for case in cases}


def check_fresh(case: Case, revision: int | None, user: User, now: datetime) -> None:
    """Raise why a write that saw ``revision`` must be refused, if the case is no longer at it."""
    if revision is not None and revision != case.revision:
        raise find_obstacle(case, user, now) or CaseStale(
            "The case changed while you looked at it. Look at what changed, then do it again."
        )


def check_holds(case: Case, user: User, now: datetime) -> None:
    """Raise why the person does not hold the case, if they do not."""
    if case.held_by(user, now):
        return
    if obstacle := find_obstacle(case, user, now):
        raise obstacle
    raise LeaseExpired("Your claim ran out. Claim the case again to go on; your draft is kept.")


def record_event(
    case: Case,
    kind: str,
    acting: Acting | Actor,
    now: datetime,
    *,
    data: Mapping[str, Any] | None = None,
    ledger: bool = True,
) -> None:
    """Add an event to the case's history and, as ``case.<kind>``, the ledger; nudge browsers."""
    actor = acting.actor if isinstance(acting, Acting) else acting
    on_behalf_of = acting.on_behalf_of if isinstance(acting, Acting) else None
    details = dict(data or {})
    CaseEvent.objects.create(case=case, kind=kind, actor=actor.name, data=details, at=now)
    if ledger:
        record(
            action=f"case.{kind}",
            subject=("case", str(case.pk)),
            actor=actor,
            payload={"case": case.pk, "run": case.run_id, "queue": case.queue.name, **details},
            now=now,
            on_behalf_of=on_behalf_of,
        )
    nudge_browsers(case)


def record_events(events: Sequence[NewEvent], actor: Actor, now: datetime) -> None:
    """Do what ``record_event`` does, for events of many cases in a few statements."""
    CaseEvent.objects.bulk_create(
        [
            CaseEvent(case=e.case, kind=e.kind, actor=actor.name, data=dict(e.data), at=now)
            for e in events
        ],
        batch_size=100,
    )
    record_many([_make_ledger_act(event, actor) for event in events], now=now)
    for event in events:
        nudge_browsers(event.case)


def _make_ledger_act(event: NewEvent, actor: Actor) -> Act:
    case = event.case
    payload = {"case": case.pk, "run": case.run_id, "queue": case.queue.name, **event.data}
    return Act(f"case.{event.kind}", ("case", str(case.pk)), actor, payload)


def nudge_browsers(case: Case) -> None:
    nudge_on_commit(
        [f"case.{case.pk}", f"queue.{case.queue.name}"],
        {"case": case.pk, "revision": case.revision, "state": str(case.state)},
    )


def close_case(
    case: Case, state: CaseState, *, outcome: str, now: datetime, **changes: Any
) -> None:
    """Move the case to a final state and stop its SLA clock."""
    changes |= {"outcome": outcome, "closed_at": now, "next_act_at": None, "lease_until": None}
    move_case(case, state, **changes)
