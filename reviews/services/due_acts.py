"""What the clock does to a case by its SLA: warn, remind, escalate, breach. Each act once.

Acts that leave the run waiting are done for many cases in one transaction; an act that ends the
wait is done by itself, because it locks the run first.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from reviews.models import BreachAction, Case, CaseEvent, Queue
from reviews.notices.post import Post
from reviews.services.decisions import expire_case
from reviews.services.moving import CLOCK, get_case, lock_run, tell_browsers, write_down
from reviews.services.opening import close_case, set_instants
from reviews.sla import BREACH, HOLDER, PERSON, TO_QUEUE, Act, plan_from
from reviews.states import ACTIVE, CaseState, check_move
from workbench.audit.services import Act as LedgerAct
from workbench.audit.services import record_many

logger = logging.getLogger(__name__)

BATCH = 100
# A decision within its commit window is about to end the case; the act waits for it.
DUE_STATES = ACTIVE - {CaseState.COMMITTING, CaseState.WAITING_FOR_INFO}
# Nobody acted, and the ledger must not read as if somebody had.
KIND = "timeout"


def perform_due_acts(now: datetime) -> bool:
    """Perform what is due by ``now``; say whether more may be due."""
    due = list(
        Case.objects.filter(next_act_at__lte=now, state__in=DUE_STATES)
        .order_by("next_act_at")
        .only("pk", "sla", "acts_done")[:BATCH]
    )
    ending = [case.pk for case in due if _ends_the_wait(case)]
    waiting = [case.pk for case in due if case.pk not in ending]
    try:
        done = _perform_many(waiting, now)
    except Exception:
        # One case that cannot be read must not keep the others from their acts.
        logger.exception("Due acts failed together; doing them one by one")
        done = sum(_perform_alone(pk, now) for pk in waiting)
    done += sum(_perform_alone(pk, now) for pk in ending)
    # Where others hold every row that is due, asking again at once would only spin.
    return done > 0 and len(due) == BATCH


def _ends_the_wait(case: Case) -> bool:
    if case.sla.get("breach") != BreachAction.EXPIRE:
        return False
    acts = plan_from(case.sla).acts
    return case.acts_done < len(acts) and acts[case.acts_done].kind == BREACH


def _perform_alone(case_id: int, now: datetime) -> bool:
    try:
        return perform_act(case_id=case_id, now=now)
    except Exception:
        logger.exception("The due act of case %s failed", case_id)
        return False


def perform_act(*, case_id: int, now: datetime) -> bool:
    """Perform the case's next act if it is due; say whether this call did.

    The case is locked from before the act is chosen until the commit, so of two clocks one finds
    nothing to do, and a clock that dies has done all of it or nothing.
    """
    with transaction.atomic():
        case = get_case(case_id)
        ending = _ends_the_wait(case)
        if ending:
            lock_run(case)
        return _perform([case_id], now, ending=ending) == 1


def _perform_many(case_ids: list[int], now: datetime) -> int:
    if not case_ids:
        return 0
    with transaction.atomic():
        return _perform(case_ids, now, ending=False)


def _perform(case_ids: list[int], now: datetime, *, ending: bool) -> int:
    """Perform one act of each of these cases that is due and that nobody else has locked.

    ``ending``: the runs are locked, so that the act may end the wait. Another clock may have done
    an act since the caller looked; a case whose next one is of the other sort waits for its turn.
    """
    found = (
        Case.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(pk__in=case_ids, next_act_at__lte=now, state__in=DUE_STATES)
        .select_related("queue", "claimed_by")
        .order_by("next_act_at")
    )
    cases = [case for case in found if _ends_the_wait(case) == ending]
    clerk = Clerk(now)
    for case in cases:
        act = plan_from(case.sla).acts[case.acts_done]
        case.acts_done += 1
        _ACTS[act.kind](case, act, clerk)
        clerk.save(case)
    clerk.finish()
    return len(cases)


@dataclass
class Clerk:
    """Keeps what a batch of acts says, and writes it down in few statements."""

    now: datetime
    post: Post = field(init=False)
    events: list[CaseEvent] = field(default_factory=list)
    entries: list[LedgerAct] = field(default_factory=list)
    told: list[Case] = field(default_factory=list)
    _queues: dict[str, Queue | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.post = Post(self.now)

    def say(self, case: Case, kind: str, **data: Any) -> None:
        """Note an event of the case's history, and the ledger's entry of it."""
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
        self.told.append(case)

    def queue(self, name: str) -> Queue | None:
        if name not in self._queues:
            self._queues[name] = Queue.objects.filter(name=name).first()
        return self._queues[name]

    def save(self, case: Case) -> None:
        """Write what the act changed. The row is locked, so nobody is overwritten."""
        if case.state in ACTIVE:
            set_instants(case)
            Case.objects.filter(pk=case.pk).update(
                **{name: getattr(case, name) for name in _CHANGED}
            )

    def finish(self) -> None:
        CaseEvent.objects.bulk_create(self.events, batch_size=100)
        record_many(self.entries, now=self.now)
        self.post.write()
        for case in self.told:
            tell_browsers(case)


_CHANGED = (
    "acts_done", "next_act_at", "state", "revision", "queue_id", "escalation", "priority", "rank",
    "claimed_by_id", "claimed_at", "lease_until", "familiar_id", "reserved_until",
)  # fmt: skip


def _warn(case: Case, act: Act, clerk: Clerk) -> None:
    clerk.say(case, "sla_warned")
    clerk.post.tell_destinations(case, "warned")


def _remind(case: Case, act: Act, clerk: Clerk) -> None:
    if act.to.startswith(PERSON):
        told = clerk.post.tell_person(case, act.to.removeprefix(PERSON), "reminder")
    elif act.to in {"", HOLDER} and case.claimed_by:
        told = clerk.post.tell(case, [case.claimed_by], "reminder")
    else:
        told = clerk.post.tell_leads(case, "reminder")
    clerk.post.tell_destinations(case, "reminder")
    clerk.say(case, "sla_reminded", to=", ".join(told) or "nobody")


def _escalate(case: Case, act: Act, clerk: Clerk) -> None:
    """Go one link up the chain: to the leads, to a person, or to another queue.

    A case in someone's hands stays there, because they may be about to decide; the level rises
    and the others hear of it.
    """
    case.escalation += 1
    data: dict[str, Any] = {"level": case.escalation}
    target = clerk.queue(act.to.removeprefix(TO_QUEUE)) if act.to.startswith(TO_QUEUE) else None
    if case.state in {CaseState.OPEN, CaseState.ESCALATED}:
        _move(case, CaseState.ESCALATED)
        case.reserved_until = None
        if target is not None and target.pk != case.queue_id:
            clerk.say(case, "moved", **{"from": case.queue.title, "to": target.title})
            case.queue = target
    if act.to.startswith(PERSON):
        told = clerk.post.tell_person(case, act.to.removeprefix(PERSON), "escalated")
    else:
        told = clerk.post.tell_leads(case, "escalated")
    clerk.post.tell_destinations(case, "escalated")
    clerk.say(case, "escalated", to=act.to or "lead", told=told, **data)


def _breach(case: Case, act: Act, clerk: Clerk) -> None:
    action = case.sla["breach"]
    if action == BreachAction.EXPIRE:
        _expire(case, clerk)
        return
    if action == BreachAction.REASSIGN and case.state == CaseState.CLAIMED:
        _move(case, CaseState.ESCALATED if case.escalation else CaseState.OPEN)
        case.claimed_by = case.claimed_at = case.lease_until = case.familiar = None
    case.priority = 1
    clerk.post.tell_leads(case, "breached")
    clerk.post.tell_destinations(case, "breached")
    clerk.say(case, "sla_breached", action=action)


def _move(case: Case, to: CaseState) -> None:
    """Move a case that this transaction has locked; the clerk saves it."""
    check_move(case.state, to)
    case.state = to
    case.revision += 1


def _expire(case: Case, clerk: Clerk) -> None:
    clerk.post.tell_destinations(case, "breached")
    clerk.say(case, "sla_breached", action="expire")
    try:
        with transaction.atomic():
            expire_case(case, clerk.now)
    except (WaitAlreadyResolved, RunNotActive):
        # The savepoint took the move back; so must what is in memory.
        fresh = get_case(case.pk)
        close_case(fresh, CaseState.CANCELLED, outcome="", now=clerk.now)
        case.state = fresh.state
        write_down(fresh, "cancelled", CLOCK, clerk.now)


_ACTS = {"warn": _warn, "remind": _remind, "escalate": _escalate, "breach": _breach}
