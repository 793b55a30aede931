"""Perform the acts of a case's SLA when they are due: warn, remind, escalate, breach; each once.

Acts on many cases share a transaction. Those that end the wait of a run lock the runs first, so
they are performed apart from the others, and fewer at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from reviews.models import BreachAction, Case, CaseEvent, Queue
from reviews.models.states import ACTIVE, CaseState, check_move
from reviews.rules.sla import BREACH, HOLDER, PERSON, TO_QUEUE, Act, read_plan
from reviews.services.committing import expire_case
from reviews.services.moving import (
    CLOCK,
    close_case,
    get_case,
    lock_runs,
    nudge_browsers,
    record_event,
)
from reviews.services.post import Post
from reviews.services.stopwatch import set_instants
from workbench.audit.services import Act as LedgerAct
from workbench.audit.services import record_many
from workbench.dispatch.sweeps import Sweep

BATCH = 200
# Each of them resumes a run, whose lock the others of the batch then keep from its worker.
ENDINGS_TOGETHER = 20
# A decision within its commit window is about to end the case; the act waits for it.
DUE_STATES = ACTIVE - {CaseState.COMMITTING, CaseState.WAITING_FOR_INFO}
# Nobody acted, and the ledger must not read as if somebody had.
KIND = "timeout"


def perform_due_acts(now: datetime) -> bool:
    """Perform what is due by ``now``; return whether more may be due."""
    sweep = Sweep("reviews.sla", now, called="The due act of case")
    due = list(
        Case.objects.filter(next_act_at__lte=now, state__in=DUE_STATES)
        .exclude(pk__in=sweep.ids_passed_over())
        .order_by("next_act_at")
        .only("pk", "run_id", "sla", "acts_done")[:BATCH]
    )
    waiting, ending = _sort_by_ending(due, sweep)
    done = 0

    def perform(cases: Sequence[Case], *, ends: bool) -> None:
        nonlocal done
        done += _perform(cases, now, ending=ends)

    sweep.together(waiting, partial(perform, ends=False))
    sweep.together(ending, partial(perform, ends=True), at_once=ENDINGS_TOGETHER)
    if len(due) < BATCH:
        sweep.forget_gone()
    # Where others hold every row that is due, asking again at once would only spin.
    return done + sweep.failures > 0 and len(due) == BATCH


def _sort_by_ending(due: Sequence[Case], sweep: Sweep) -> tuple[list[Case], list[Case]]:
    """Return the cases whose act lets the run wait on, and those whose act ends its wait."""
    waiting: list[Case] = []
    ending: list[Case] = []
    for case in due:
        try:
            (ending if _ends_the_wait(case) else waiting).append(case)
        except Exception as error:
            # Its SLA cannot be read.
            sweep.blame(str(case.pk), error)
    return waiting, ending


def _ends_the_wait(case: Case) -> bool:
    if case.sla.get("breach") != BreachAction.EXPIRE:
        return False
    acts = read_plan(case.sla).acts
    return case.acts_done < len(acts) and acts[case.acts_done].kind == BREACH


def _perform(chosen: Sequence[Case], now: datetime, *, ending: bool) -> int:
    """Perform one act of each of these cases that is due and not locked; return how many.

    In the caller's transaction.

    A case is locked from before its act is chosen until the commit, so of two clocks one finds
    nothing to do, and a clock that dies has done all of it or nothing. Another clock may have done
    an act since the caller looked; a case whose next one is of the other sort waits for its turn.
    """
    if ending:
        lock_runs({case.run_id for case in chosen})
    found = (
        Case.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(pk__in=[case.pk for case in chosen], next_act_at__lte=now, state__in=DUE_STATES)
        .select_related("queue", "claimed_by")
        # What a case shows is most of it, and only a receipt needs it.
        .defer(*(() if ending else ("shown", "rules", "fields")))
        .order_by("next_act_at")
    )
    cases = [case for case in found if _ends_the_wait(case) == ending]
    batch = ActBatch(now)
    for case in cases:
        act = read_plan(case.sla).acts[case.acts_done]
        case.acts_done += 1
        _ACTS[act.kind](case, act, batch)
        batch.add(case)
    batch.write()
    return len(cases)


@dataclass
class ActBatch:
    """Collects what the acts of a batch change and record, and writes it in a few statements."""

    now: datetime
    post: Post = field(init=False)
    events: list[CaseEvent] = field(default_factory=list)
    entries: list[LedgerAct] = field(default_factory=list)
    recorded: list[Case] = field(default_factory=list)
    changed: list[Case] = field(default_factory=list)
    _queues: dict[str, Queue | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.post = Post(self.now)

    def record(self, case: Case, kind: str, **data: Any) -> None:
        """Add an event to the case's history, and its entry to the ledger."""
        details = {
            "due_at": case.due_at.isoformat() if case.due_at else None,
            "kind": KIND,
            "policy": case.sla.get("policy", ""),
            **data,
        }
        self.events.append(
            CaseEvent(case=case, kind=kind, actor=CLOCK.name, data=details, at=self.now)
        )
        self.entries.append(
            LedgerAct(
                f"case.{kind}",
                ("case", str(case.pk)),
                CLOCK,
                {"case": case.pk, "run": case.run_id, "queue": case.queue.name, **details},
            )
        )
        self.recorded.append(case)

    def find_queue(self, name: str) -> Queue | None:
        if name not in self._queues:
            self._queues[name] = Queue.objects.filter(name=name).first()
        return self._queues[name]

    def add(self, case: Case) -> None:
        """Add a case that the act changed, unless the act closed it."""
        if case.state in ACTIVE:
            set_instants(case)
            self.changed.append(case)

    def write(self) -> None:
        """Write all that was collected. The rows are locked, so no other change is overwritten."""
        _write_changed(self.changed)
        CaseEvent.objects.bulk_create(self.events, batch_size=100)
        record_many(self.entries, now=self.now)
        self.post.write()
        for case in self.recorded:
            nudge_browsers(case)


_MAY_CHANGE = frozenset({
    "acts_done", "next_act_at", "state", "revision", "queue", "escalation", "priority", "rank",
    "claimed_by", "claimed_at", "lease_until", "familiar", "reserved_until",
})  # fmt: skip
_CHANGED = [
    field
    for field in Case._meta.concrete_fields  # noqa: SLF001 - Django's public way to the columns
    if field.name in _MAY_CHANGE
]
_WRITE_CHANGED = (
    f"UPDATE reviews_case SET {', '.join(f'{field.column} = %s' for field in _CHANGED)} "  # noqa: S608
    "WHERE id = %s"
)


def _write_changed(cases: Sequence[Case]) -> None:
    """Write the rows by one statement: to build a query for each took half of an act's time."""
    rows = [
        [
            *(
                field.get_db_prep_save(getattr(case, field.attname), connection)
                for field in _CHANGED
            ),
            case.pk,
        ]
        for case in cases
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE_CHANGED, rows)


def _warn(case: Case, act: Act, batch: ActBatch) -> None:
    batch.record(case, "sla_warned")
    batch.post.tell_destinations(case, "warned")


def _remind(case: Case, act: Act, batch: ActBatch) -> None:
    if act.to.startswith(PERSON):
        told = batch.post.tell_person(case, act.to.removeprefix(PERSON), "reminder")
    elif act.to in {"", HOLDER} and case.claimed_by:
        told = batch.post.tell(case, [case.claimed_by], "reminder")
    else:
        told = batch.post.tell_leads(case, "reminder")
    batch.post.tell_destinations(case, "reminder")
    batch.record(case, "sla_reminded", to=", ".join(told) or "nobody")


def _escalate(case: Case, act: Act, batch: ActBatch) -> None:
    """Escalate to the leads, to a person, or to another queue.

    A claimed case stays with its holder, who may be about to decide: its level rises and the others
    are notified.
    """
    case.escalation += 1
    data: dict[str, Any] = {"level": case.escalation}
    target = (
        batch.find_queue(act.to.removeprefix(TO_QUEUE)) if act.to.startswith(TO_QUEUE) else None
    )
    if case.state in {CaseState.OPEN, CaseState.ESCALATED}:
        _move(case, CaseState.ESCALATED)
        case.reserved_until = None
        if target is not None and target.pk != case.queue_id:
            batch.record(case, "moved", **{"from": case.queue.title, "to": target.title})
            case.queue = target
    if act.to.startswith(PERSON):
        told = batch.post.tell_person(case, act.to.removeprefix(PERSON), "escalated")
    else:
        told = batch.post.tell_leads(case, "escalated")
    batch.post.tell_destinations(case, "escalated")
    batch.record(case, "escalated", to=act.to or "lead", told=told, **data)


def _breach(case: Case, act: Act, batch: ActBatch) -> None:
    action = case.sla["breach"]
    if action == BreachAction.EXPIRE:
        _expire(case, batch)
        return
    if action == BreachAction.REASSIGN and case.state == CaseState.CLAIMED:
        _move(case, CaseState.ESCALATED if case.escalation else CaseState.OPEN)
        case.claimed_by = case.claimed_at = case.lease_until = case.familiar = None
    case.priority = 1
    batch.post.tell_leads(case, "breached")
    batch.post.tell_destinations(case, "breached")
    batch.record(case, "sla_breached", action=action)


def _move(case: Case, to: CaseState) -> None:
    """Set the state of a case that this transaction has locked; the batch saves it."""
    check_move(case.state, to)
    case.state = to
    case.revision += 1


def _expire(case: Case, batch: ActBatch) -> None:
    batch.post.tell_destinations(case, "breached")
    batch.record(case, "sla_breached", action="expire")
    try:
        with transaction.atomic():
            expire_case(case, batch.now)
    except (WaitAlreadyResolved, RunNotActive):
        # The savepoint took the move back; so must what is in memory.
        fresh = get_case(case.pk)
        close_case(fresh, CaseState.CANCELLED, outcome="", now=batch.now)
        case.state = fresh.state
        record_event(fresh, "cancelled", CLOCK, batch.now)


_ACTS = {"warn": _warn, "remind": _remind, "escalate": _escalate, "breach": _breach}
