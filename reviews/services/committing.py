"""Commit decisions: the receipt, the ledger entry, the closed case and the resumed run together.

The clock commits a decision some seconds after it was made (decisions.py), so whether the person
may decide is judged once more. The clock also ends cases by itself (expire_case).
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.selectors import list_models_used
from flows.services import resolve_wait
from reviews.errors import NotAuthorised, ReviewError
from reviews.models import Case, CaseDraft, Decision, DecisionKind, DecisionState
from reviews.models.states import CaseState
from reviews.rules.answers import write_notice
from reviews.rules.authority import Verdict
from reviews.selectors.acting import Acting, make_acting, may
from reviews.selectors.judging import judge_answer
from reviews.selectors.parties import describe_parties
from reviews.services.checks import follow_final_decision
from reviews.services.facts import find_first_outcome, save_fact
from reviews.services.leases import free_case
from reviews.services.moving import (
    CLOCK,
    close_case,
    get_case,
    lock_run,
    move_case,
    record_event,
)
from reviews.services.parties import note_override
from reviews.services.receipts import compute_digest, make_receipt
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.dispatch.sweeps import Sweep

COMMIT_BATCH = 100


def commit_due_decisions(now: datetime) -> bool:
    """Commit the decisions whose window has passed; return whether more may be due."""
    sweep = Sweep("reviews.commit_window", now)
    due = list(
        Decision.objects.filter(state=DecisionState.PENDING, commit_at__lte=now)
        .exclude(pk__in=sweep.ids_passed_over())
        .order_by("commit_at")
        .values_list("pk", flat=True)[:COMMIT_BATCH]
    )
    sweep.each(
        due,
        lambda decision_id: commit_decision(decision_id=decision_id, now=now),
        key=str,
        own_transaction=True,
    )
    if len(due) < COMMIT_BATCH:
        sweep.forget_gone()
    return len(due) == COMMIT_BATCH


def commit_decision(*, decision_id: int, now: datetime) -> bool:
    """Commit a pending decision whose window has passed; return whether this call did.

    The second of two callers does nothing. If the run no longer waits, or the person lost the
    right meanwhile, the decision is withdrawn and the case says so.
    """
    with transaction.atomic():
        found = Decision.objects.select_related("case").filter(pk=decision_id).first()
        if found is None:
            return False
        lock_run(found.case)
        mine = (
            Decision.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("decided_by", "token__user")
            .filter(pk=decision_id, state=DecisionState.PENDING, commit_at__lte=now)
            .first()
        )
        if mine is None:
            return False
        case = get_case(mine.case_id)
        try:
            with transaction.atomic():
                commit(mine, case, now)
        except (WaitAlreadyResolved, RunNotActive):
            _withdraw(mine, now, CaseState.CANCELLED, "The run no longer waits.")
        except ReviewError as error:
            _withdraw(mine, now, CaseState.OPEN, str(error))
        return True


def _withdraw(decision: Decision, now: datetime, state: CaseState, why: str) -> None:
    decision.state = DecisionState.WITHDRAWN
    decision.save(update_fields=["state"])
    case = get_case(decision.case_id)
    if state == CaseState.CANCELLED:
        close_case(case, state, outcome="", now=now)
    else:
        free_case(case)
    record_event(case, "decision_refused", CLOCK, now, data={"reason": why})


def commit(decision: Decision, case: Case, now: datetime) -> None:
    """Make the decision final, or count it as one approval. In the caller's transaction."""
    person = decision.decided_by
    if person is None:
        raise AssertionError("only a person's decision goes through the commit window")
    acting = make_acting(decision.token or person, decision.channel)  # type: ignore[arg-type]
    verdict = _judge_again(case, acting, decision, now)
    decision.final = verdict.final
    case.fields = case.fields | {o["field"]: o["new"] for o in decision.overrides}
    note_override(case, decision, now)
    _seal(decision, case, verdict, now)
    CaseDraft.objects.filter(case=case, user=person).delete()
    for override in decision.overrides:
        record(
            action="case.field_overridden",
            subject=("case", str(case.pk)),
            actor=acting.actor,
            payload={"case": case.pk, "decision": decision.pk, **override},
            now=now,
            on_behalf_of=acting.on_behalf_of,
        )
    if not verdict.final:
        _await_more(case, decision, verdict, acting, now)
        return
    finish_case(case, decision, acting, now)


def _judge_again(case: Case, acting: Acting, decision: Decision, now: datetime) -> Verdict:
    """Judge the decision again: rights may have been lost in the window. Raises: NotAuthorised."""
    if not may(acting, "cases.decide", queue=case.queue, flow=case.flow):
        raise NotAuthorised(f"{acting.user.label} may no longer decide on this queue.")
    verdict = judge_answer(case, acting, decision.outcome, now, overrides=decision.overrides)
    if not verdict.allowed:
        raise NotAuthorised(" ".join(verdict.refusals))
    return verdict


def _seal(decision: Decision, case: Case, verdict: Verdict, now: datetime) -> None:
    decision.state = DecisionState.COMMITTED
    decision.committed_at = now
    decision.receipt = make_receipt(
        case,
        decision,
        checks=verdict.checks,
        models=list_models_used(case.run_id),
        parties=describe_parties(case),
        now=now,
    )
    if first := find_first_outcome(case, decision):
        decision.receipt["first_choice"] = first
    decision.digest = compute_digest(decision.receipt)
    decision.save()
    save_fact(case, decision)


def _await_more(
    case: Case, decision: Decision, verdict: Verdict, acting: Acting, now: datetime
) -> None:
    state = CaseState.ESCALATED if case.escalation else CaseState.OPEN
    move_case(
        case,
        state,
        fields=case.fields,
        claimed_by=None,
        claimed_at=None,
        lease_until=None,
        familiar=None,
    )
    record_event(
        case,
        "approval_counted",
        acting,
        now,
        data={"decision": decision.pk, "missing": verdict.missing, "digest": decision.digest},
    )


def finish_case(case: Case, decision: Decision, acting: Acting | Actor, now: datetime) -> None:
    """Close the case by its final decision and resume its run. In the caller's transaction.

    No run waits for a check (reviews.quality): its case is only closed.

    Raises: WaitAlreadyResolved, RunNotActive.
    """
    timed_out = decision.kind == DecisionKind.TIMEOUT
    state = CaseState.EXPIRED if timed_out else CaseState.DECIDED
    Case.objects.filter(pk=case.pk).update(fields=case.fields)
    close_case(case, state, outcome=decision.outcome, now=now)
    record_event(
        case,
        "expired" if timed_out else "decided",
        acting,
        now,
        data={
            "decision": decision.pk,
            "outcome": decision.outcome,
            "kind": str(decision.kind),
            "reasons": decision.reasons,
            "digest": decision.digest,
        },
    )
    follow_final_decision(case, decision, now)
    if case.wait_id is None:
        return
    resolve_wait(
        wait_id=case.wait_id,
        port=decision.outcome,
        output=_make_output(case, decision),
        now=now,
        actor=acting.actor if isinstance(acting, Acting) else acting,
    )


def _make_output(case: Case, decision: Decision) -> dict[str, Any]:
    person = decision.decided_by
    return {
        "outcome": decision.outcome,
        "kind": str(decision.kind),
        "reasons": decision.reasons,
        "grounds": decision.grounds,
        "notice": write_notice(case.rules, decision.outcome, decision.reasons),
        "comment": decision.comment,
        "overrides": decision.overrides,
        "fields": case.fields,
        "form": decision.form,
        "decided_by": person.username if person else "",
        "decision_id": decision.pk,
        "case_id": case.pk,
    }


def expire_case(case: Case, now: datetime) -> None:
    """Close the case as expired and resume its run by the port ``expired``.

    In the caller's transaction. Raises: WaitAlreadyResolved, RunNotActive, CaseStale.
    """
    decision = Decision(
        case=case,
        kind=DecisionKind.TIMEOUT,
        state=DecisionState.COMMITTED,
        outcome="expired",
        channel="system",
        at=now,
        commit_at=now,
        committed_at=now,
    )
    decision.save()
    decision.receipt = make_receipt(
        case,
        decision,
        checks={},
        models=list_models_used(case.run_id),
        parties=describe_parties(case),
        now=now,
    )
    decision.digest = compute_digest(decision.receipt)
    decision.save(update_fields=["receipt", "digest"])
    finish_case(case, decision, CLOCK, now)
