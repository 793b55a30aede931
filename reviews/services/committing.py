"""Commit decisions: the receipt, the ledger entry, the closed case and the resumed run together.

The clock commits a decision some seconds after it was made (decisions.py), so whether the person
may decide is judged once more. The clock also ends cases by itself (expire_case).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.policies.points import Verdict as PolicyVerdict
from flows.selectors import list_made_by
from flows.services import resolve_wait
from reviews.errors import NotAuthorised, ReviewError
from reviews.models import Case, CaseDraft, Decision, DecisionKind, DecisionState
from reviews.models.states import CaseState
from reviews.rules.answers import write_notice
from reviews.rules.authority import Verdict
from reviews.selectors.acting import Acting, make_acting, may
from reviews.selectors.eligibility import Candidate, make_decider
from reviews.selectors.judging import judge_answer, keep_votes
from reviews.selectors.parties import describe_parties, keep_parties
from reviews.services.checks import follow_final_decision
from reviews.services.facts import find_first_outcome, save_fact
from reviews.services.leases import free_case
from reviews.services.moving import (
    CLOCK,
    close_case,
    get_case,
    lock_runs,
    move_case,
    record_event,
)
from reviews.services.parties import note_override
from reviews.services.policies import judge_by_policies
from reviews.services.receipts import compute_digest, make_receipt
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.dispatch.sweeps import Sweep

COMMIT_BATCH = 100
# Each of them resumes a run, whose lock the others then keep from its worker.
COMMITTED_TOGETHER = 20
CASE_OF_DECISION = ("case__queue", "case__claimed_by", "case__familiar")


def commit_due_decisions(now: datetime) -> bool:
    """Commit the decisions whose window has passed; return whether more may be due."""
    sweep = Sweep("reviews.commit_window", now)
    due = list(
        Decision.objects.filter(state=DecisionState.PENDING, commit_at__lte=now)
        .exclude(pk__in=sweep.ids_passed_over())
        .order_by("commit_at")
        .values_list("pk", flat=True)[:COMMIT_BATCH]
    )
    sweep.together(
        due,
        lambda some: commit_decisions(decision_ids=some, now=now),
        key=str,
        at_once=COMMITTED_TOGETHER,
    )
    if len(due) < COMMIT_BATCH:
        sweep.forget_gone()
    return len(due) == COMMIT_BATCH


def commit_decisions(*, decision_ids: Sequence[int], now: datetime) -> int:
    """Commit pending decisions whose window has passed; return how many this call did.

    All in one transaction, so that they are read by a few queries. The second of two callers does
    nothing. If a run no longer waits, or the person lost the right meanwhile, the decision is
    withdrawn and the case says so.
    """
    with transaction.atomic():
        runs = Decision.objects.filter(pk__in=decision_ids).values_list("case__run_id", flat=True)
        lock_runs(set(runs))
        # Their cases too: one that changed after it was read would have its decision withdrawn.
        found = (
            Decision.objects.select_for_update(of=("self", "case"), skip_locked=True)
            .select_related("decided_by", "token__user", *CASE_OF_DECISION)
            .filter(pk__in=decision_ids, state=DecisionState.PENDING, commit_at__lte=now)
            .order_by("commit_at", "pk")
        )
        decisions = list(found)
        cases = [decision.case for decision in decisions]
        keep_parties(cases)
        keep_votes(cases)
        for decision, decider in zip(decisions, _list_deciders(decisions, now), strict=True):
            _commit_or_withdraw(decision, decider)
        return len(decisions)


def _list_deciders(decisions: Sequence[Decision], now: datetime) -> list[Candidate]:
    """Return who made each decision; what is read of a person is shared by all of theirs."""
    people: dict[int | None, list[Case]] = {}
    for decision in decisions:
        people.setdefault(decision.decided_by_id, []).append(decision.case)
    found: dict[int | None, Candidate] = {}
    deciders = []
    for decision in decisions:
        person = decision.decided_by_id
        if person not in found:
            found[person] = find_decider(decision, now)
            found[person].read_histories(people[person])
        decision.decided_by = found[person].user
        if decision.token:
            decision.token.user = found[person].user
        deciders.append(replace(found[person], acting=find_decider(decision, now).acting))
    return deciders


def find_decider(decision: Decision, now: datetime) -> Candidate:
    """Return the person who made the decision, with the permissions of the token they used."""
    person = decision.decided_by
    if person is None:
        raise AssertionError("only a person's decision goes through the commit window")
    acting = make_acting(decision.token or person, decision.channel)  # type: ignore[arg-type]
    return make_decider(acting, now)


def _commit_or_withdraw(decision: Decision, decider: Candidate) -> None:
    now = decider.now
    try:
        with transaction.atomic():
            commit(decision, decision.case, decider)
    except (WaitAlreadyResolved, RunNotActive):
        _withdraw(decision, now, CaseState.CANCELLED, "The run no longer waits.")
    except ReviewError as error:
        _withdraw(decision, now, CaseState.OPEN, str(error))


def _withdraw(decision: Decision, now: datetime, state: CaseState, why: str) -> None:
    decision.state = DecisionState.WITHDRAWN
    decision.save(update_fields=["state"])
    case = get_case(decision.case_id)
    if state == CaseState.CANCELLED:
        close_case(case, state, outcome="", now=now)
    else:
        free_case(case)
    record_event(case, "decision_refused", CLOCK, now, data={"reason": why})


def commit(decision: Decision, case: Case, decider: Candidate) -> None:
    """Make the decision final, or count it as one approval. In the caller's transaction."""
    acting, now = decider.acting, decider.now
    verdict = _judge_again(case, decider, decision)
    by_policies = judge_by_policies(case, decision, now)
    decision.final = verdict.final
    case.fields = case.fields | {o["field"]: o["new"] for o in decision.overrides}
    note_override(case, decision, now)
    _seal(decision, case, verdict, by_policies, now)
    CaseDraft.objects.filter(case=case, user=decider.user).delete()
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


def _judge_again(case: Case, decider: Candidate, decision: Decision) -> Verdict:
    """Judge the decision again: rights may have been lost in the window. Raises: NotAuthorised."""
    if not may(decider.acting, "cases.decide", queue=case.queue, flow=case.flow):
        raise NotAuthorised(f"{decider.user.label} may no longer decide on this queue.")
    verdict = judge_answer(case, decider, decision.outcome, overrides=decision.overrides)
    if not verdict.allowed:
        raise NotAuthorised(" ".join(verdict.refusals))
    return verdict


def _seal(
    decision: Decision, case: Case, verdict: Verdict, by_policies: PolicyVerdict, now: datetime
) -> None:
    decision.state = DecisionState.COMMITTED
    decision.committed_at = now
    decision.receipt = make_receipt(
        case,
        decision,
        checks=verdict.checks,
        made_by=list_made_by(case.run_id),
        parties=describe_parties(case),
        now=now,
        policies=by_policies.as_json(),
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
    close_case(case, state, outcome=decision.outcome, now=now, fields=case.fields)
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
        "places": decision.places,
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
        made_by=list_made_by(case.run_id),
        parties=describe_parties(case),
        now=now,
    )
    decision.digest = compute_digest(decision.receipt)
    decision.save(update_fields=["receipt", "digest"])
    finish_case(case, decision, CLOCK, now)
