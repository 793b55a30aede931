"""Deciding: a decision stands for some seconds in which it can be undone, then it is committed.

decide_case -> pending --(commit window)--> committed: receipt, ledger, the run goes on
                  |
              undo_decision -> withdrawn: the case is back in the reviewer's hands
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.selectors import models_used
from flows.services import resolve_wait
from reviews.errors import (
    CaseAlreadyDecided,
    CaseClosed,
    NotAuthorised,
    ReviewError,
    UndoTooLate,
)
from reviews.models import Case, CaseDraft, Decision, DecisionKind, DecisionState
from reviews.models.states import CaseState
from reviews.rules.answers import Answer, check_answer, grounds_of, notice_of
from reviews.rules.authority import (
    Facts,
    Need,
    NoAuthorityRule,
    Verdict,
    judge,
    need_of,
    rules_from,
)
from reviews.selectors.acting import Acting, acting_as, check_may, may, reviewer_of
from reviews.selectors.eligibility import Act, Candidate, list_refusals
from reviews.services.checks import after_decision
from reviews.services.claims import claim_if_free
from reviews.services.facts import first_outcome_of, keep_fact
from reviews.services.first_choices import check_first_choice
from reviews.services.moving import (
    CLOCK,
    check_fresh,
    close_case,
    get_case,
    lock_run,
    move_case,
    write_down,
)
from reviews.services.receipts import digest_of, make_receipt
from workbench.accounts.actors import Actor
from workbench.audit.services import record

COMMIT_BATCH = 100


def decide_case(
    *,
    case_id: int,
    answer: Answer,
    acting: Acting,
    now: datetime,
    revision: int | None = None,
    commit_now: bool = False,
) -> Decision:
    """Decide the case; a free one is claimed in the same transaction.

    Without ``commit_now`` the decision can be undone during the queue's commit window, after which
    the clock commits it. Approving counts as one of the approvals needed; the last one is final.

    Raises: Case.DoesNotExist, NotAuthorised, DecisionInvalid, CaseStale, CaseHeldByOther,
    CaseAlreadyDecided, CaseClosed, LeaseExpired, FirstChoiceMissing.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
        window = 0 if commit_now else case.queue.commit_window_seconds
        if window == 0:
            lock_run(case)
        check_fresh(case, revision, acting.user, now)
        claim_if_free(case, acting, now)
        check_first_choice(case, acting)
        overrides = check_answer(answer, rules=case.rules, shown=case.shown, fields=case.fields)
        verdict = judge_answer(case, acting, answer.outcome, now, edits_now=bool(overrides))
        if not verdict.allowed:
            raise NotAuthorised(" ".join(verdict.refusals))
        decision = _pending(case, answer, overrides, verdict, acting, now, window)
        move_case(case, CaseState.COMMITTING)
        _keep_evidence(case, answer, acting, now)
        if window == 0:
            _commit_at_once(decision, case, now)
        else:
            write_down(
                case, "decision_made", acting, now, data={"outcome": answer.outcome}, ledger=False
            )
        return decision


def _commit_at_once(decision: Decision, case: Case, now: datetime) -> None:
    try:
        _commit(decision, case, now)
    except (WaitAlreadyResolved, RunNotActive) as error:
        raise CaseClosed("The run no longer waits for this case. Open the next one.") from error


def _pending(
    case: Case,
    answer: Answer,
    overrides: list[dict[str, Any]],
    verdict: Verdict,
    acting: Acting,
    now: datetime,
    window: int,
) -> Decision:
    try:
        with transaction.atomic():
            return Decision.objects.create(
                case=case,
                kind=DecisionKind.PERSON,
                state=DecisionState.PENDING,
                final=verdict.final,
                outcome=answer.outcome,
                reasons=list(answer.reasons),
                grounds=grounds_of(answer, case.rules),
                comment=answer.comment.strip(),
                overrides=overrides,
                form=dict(answer.form),
                decided_by=acting.user,
                channel=acting.actor.channel,
                at=now,
                commit_at=now + timedelta(seconds=window),
            )
    except IntegrityError as error:
        # The database's own guard: one decision for a case, one of each person.
        raise CaseAlreadyDecided("This case is decided. Open the next one.") from error


def _keep_evidence(case: Case, answer: Answer, acting: Acting, now: datetime) -> None:
    """Keep what was sent as the draft: undo restores it, and the receipt reads it."""
    content = {
        "outcome": answer.outcome,
        "reasons": list(answer.reasons),
        "comment": answer.comment,
        "grounds": dict(answer.grounds),
        "fields": dict(answer.fields),
        "why": dict(answer.why),
        "form": dict(answer.form),
    }
    CaseDraft.objects.update_or_create(
        case=case,
        user=acting.user,
        defaults={
            "content": content,
            "opened": list(answer.opened),
            "active_seconds": answer.active_seconds,
            "saved_at": now,
        },
    )


def judge_answer(
    case: Case, acting: Acting, outcome: str, now: datetime, *, edits_now: bool
) -> Verdict:
    """Apply the authority rules to what this person would decide. Two queries."""
    votes = list(case.decisions.filter(state=DecisionState.COMMITTED).select_related("decided_by"))
    approvals = [vote for vote in votes if vote.outcome == "approved" and vote.decided_by]
    facts = Facts(
        person=acting.user.username,
        level=reviewer_of(acting.user).level,
        outcome=outcome,
        requested_by=case.requested_by,
        need=_need(case),
        quorum=int(case.rules.get("quorum", 1)),
        four_eyes=bool(case.rules.get("four_eyes")),
        voters=frozenset(v.decided_by.username for v in approvals if v.decided_by),
        editors=frozenset(v.decided_by.username for v in votes if v.overrides and v.decided_by),
        edits_now=edits_now,
    )
    refusals = list_refusals(case, Candidate(acting, Act.DECIDE, now))
    return judge(facts, [str(refusal) for refusal in refusals])


def _need(case: Case) -> Need:
    """Raises: NotAuthorised if the matrix has no row for the case."""
    rules = rules_from(case.queue.authority)
    try:
        return need_of(rules, case.value, case.product, case.rules.get("exceptions", ()))
    except NoAuthorityRule as error:
        raise NotAuthorised(f"{error} Ask a team lead to complete it.") from error


def undo_decision(*, case_id: int, acting: Acting, now: datetime) -> Case:
    """Take one's decision back within the commit window; the case is claimed as before.

    Raises: Case.DoesNotExist, UndoTooLate.
    """
    with transaction.atomic():
        case = get_case(case_id)
        withdrawn = Decision.objects.filter(
            case=case, decided_by=acting.user, state=DecisionState.PENDING, commit_at__gt=now
        ).update(state=DecisionState.WITHDRAWN)
        if not withdrawn:
            raise UndoTooLate("There is nothing to undo: the decision is final, or not yours.")
        case = get_case(case_id)
        move_case(
            case,
            CaseState.CLAIMED,
            lease_until=now + timedelta(seconds=case.queue.lease_seconds),
        )
        write_down(case, "decision_withdrawn", acting, now)
        return case


def commit_due_decisions(now: datetime) -> bool:
    """Commit the decisions whose window has passed; say whether more may be due."""
    due = list(
        Decision.objects.filter(state=DecisionState.PENDING, commit_at__lte=now)
        .order_by("commit_at")
        .values_list("pk", flat=True)[:COMMIT_BATCH]
    )
    for decision_id in due:
        commit_decision(decision_id=decision_id, now=now)
    return len(due) == COMMIT_BATCH


def commit_decision(*, decision_id: int, now: datetime) -> bool:
    """Commit a pending decision whose window has passed; say whether this call did it.

    Of two callers one finds nothing to do. If the run no longer waits, or the person lost the
    right meanwhile, the decision is withdrawn and the case says so.
    """
    with transaction.atomic():
        found = Decision.objects.select_related("case").filter(pk=decision_id).first()
        if found is None:
            return False
        lock_run(found.case)
        mine = (
            Decision.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("decided_by")
            .filter(pk=decision_id, state=DecisionState.PENDING, commit_at__lte=now)
            .first()
        )
        if mine is None:
            return False
        case = get_case(mine.case_id)
        try:
            with transaction.atomic():
                _commit(mine, case, now)
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
        move_case(case, state, claimed_by=None, claimed_at=None, lease_until=None)
    write_down(case, "decision_refused", CLOCK, now, data={"reason": why})


def _commit(decision: Decision, case: Case, now: datetime) -> None:
    """Make the decision final, or count it as one approval. In the caller's transaction."""
    person = decision.decided_by
    if person is None:
        raise AssertionError("only a person's decision goes through the commit window")
    acting = acting_as(person, decision.channel)  # type: ignore[arg-type]
    verdict = _judge_again(case, acting, decision, now)
    decision.final = verdict.final
    case.fields = case.fields | {o["field"]: o["new"] for o in decision.overrides}
    _seal(decision, case, verdict, now)
    CaseDraft.objects.filter(case=case, user=person).delete()
    for override in decision.overrides:
        record(
            action="case.field_overridden",
            subject=("case", str(case.pk)),
            actor=acting.actor,
            payload={"case": case.pk, "decision": decision.pk, **override},
            now=now,
        )
    if not verdict.final:
        _await_more(case, decision, verdict, acting, now)
        return
    finish_case(case, decision, acting.actor, now)


def _judge_again(case: Case, acting: Acting, decision: Decision, now: datetime) -> Verdict:
    """Raises: NotAuthorised. Rights may have gone within the window."""
    if not may(acting, "cases.decide", queue=case.queue, flow=case.flow):
        raise NotAuthorised(f"{acting.user.label} may no longer decide on this queue.")
    verdict = judge_answer(case, acting, decision.outcome, now, edits_now=bool(decision.overrides))
    if not verdict.allowed:
        raise NotAuthorised(" ".join(verdict.refusals))
    return verdict


def _seal(decision: Decision, case: Case, verdict: Verdict, now: datetime) -> None:
    draft = CaseDraft.objects.filter(case=case, user=decision.decided_by).first()
    decision.state = DecisionState.COMMITTED
    decision.committed_at = now
    decision.receipt = make_receipt(
        case,
        decision,
        checks=verdict.checks,
        models=models_used(case.run_id),
        opened=list(draft.opened) if draft else [],
        active_seconds=draft.active_seconds if draft else 0,
        now=now,
    )
    if first := first_outcome_of(case, decision):
        decision.receipt["first_choice"] = first
    decision.digest = digest_of(decision.receipt)
    decision.save()
    keep_fact(case, decision)


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
    write_down(
        case,
        "approval_counted",
        acting,
        now,
        data={"decision": decision.pk, "missing": verdict.missing, "digest": decision.digest},
    )


def finish_case(case: Case, decision: Decision, actor: Actor, now: datetime) -> None:
    """Close the case by its final decision and let the run go on. In the caller's transaction.

    No run waits for a check (reviews.quality): there it is all that a decision does.

    Raises: WaitAlreadyResolved, RunNotActive.
    """
    timed_out = decision.kind == DecisionKind.TIMEOUT
    state = CaseState.EXPIRED if timed_out else CaseState.DECIDED
    Case.objects.filter(pk=case.pk).update(fields=case.fields)
    close_case(case, state, outcome=decision.outcome, now=now)
    write_down(
        case,
        "expired" if timed_out else "decided",
        actor,
        now,
        data={
            "decision": decision.pk,
            "outcome": decision.outcome,
            "kind": str(decision.kind),
            "reasons": decision.reasons,
            "digest": decision.digest,
        },
    )
    after_decision(case, decision, now)
    if case.wait_id is None:
        return
    resolve_wait(
        wait_id=case.wait_id,
        port=decision.outcome,
        output=_output(case, decision),
        now=now,
        actor=actor,
    )


def _output(case: Case, decision: Decision) -> dict[str, Any]:
    person = decision.decided_by
    return {
        "outcome": decision.outcome,
        "kind": str(decision.kind),
        "reasons": decision.reasons,
        "grounds": decision.grounds,
        "notice": notice_of(case.rules, decision.outcome, decision.reasons),
        "comment": decision.comment,
        "overrides": decision.overrides,
        "fields": case.fields,
        "form": decision.form,
        "decided_by": person.username if person else "",
        "decision_id": decision.pk,
        "case_id": case.pk,
    }


def expire_case(case: Case, now: datetime) -> None:
    """End the wait by port ``expired``: nobody acted, and the outcome says so.

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
        models=models_used(case.run_id),
        opened=[],
        active_seconds=0,
        now=now,
    )
    decision.digest = digest_of(decision.receipt)
    decision.save(update_fields=["receipt", "digest"])
    finish_case(case, decision, CLOCK, now)
