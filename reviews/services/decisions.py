"""Decide a case: the decision can be undone for some seconds, then it is committed.

decide_case -> pending --(commit window)--> committed: receipt, ledger, the run goes on
                  |
              undo_decision -> withdrawn: the case is back in the reviewer's hands

Committing is in committing.py.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from reviews.errors import CaseAlreadyDecided, CaseClosed, NotAuthorised, UndoTooLate
from reviews.models import Case, Decision, DecisionKind, DecisionState
from reviews.models.states import CaseState
from reviews.rules.answers import Answer, check_answer, find_grounds
from reviews.rules.evidence import Known
from reviews.rules.places import list_marked
from reviews.selectors.acting import Acting, check_may
from reviews.selectors.eligibility import make_decider
from reviews.selectors.judging import judge_answer
from reviews.selectors.looks import get_known
from reviews.services.claims import claim_if_free
from reviews.services.committing import commit, find_decider
from reviews.services.drafts import keep_sent_answer
from reviews.services.first_choices import check_first_choice
from reviews.services.moving import check_fresh, get_case, lock_run, move_case, record_event
from reviews.services.policies import judge_by_policies
from reviews.services.refused import notes_refusals
from workbench.accounts.models import ApiToken


@notes_refusals("decide it")
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
        known = get_known(case, acting.user)
        overrides = check_answer(
            answer, rules=case.rules, shown=case.shown, fields=case.fields, known=known, now=now
        )
        verdict = judge_answer(case, make_decider(acting, now), answer.outcome, overrides=overrides)
        if not verdict.allowed:
            raise NotAuthorised(" ".join(verdict.refusals))
        decision = _make_decision(
            case, answer, overrides, acting, known, final=verdict.final, now=now, window=window
        )
        if window:
            # Asked again when it is committed: that answer stands in the receipt.
            judge_by_policies(case, decision, now)
        move_case(case, CaseState.COMMITTING)
        if window == 0:
            _commit_at_once(decision, case, now)
            return decision
        keep_sent_answer(case, answer, acting, now)
        record_event(
            case, "decision_made", acting, now, data={"outcome": answer.outcome}, ledger=False
        )
        return decision


def _commit_at_once(decision: Decision, case: Case, now: datetime) -> None:
    try:
        commit(decision, case, find_decider(decision, now))
    except (WaitAlreadyResolved, RunNotActive) as error:
        raise CaseClosed("The run no longer waits for this case. Open the next one.") from error


def _make_decision(
    case: Case,
    answer: Answer,
    overrides: list[dict[str, Any]],
    acting: Acting,
    known: Known,
    *,
    final: bool,
    now: datetime,
    window: int,
) -> Decision:
    """Save and return the decision. Raises: CaseAlreadyDecided."""
    decision = Decision(
        case=case,
        kind=DecisionKind.PERSON,
        state=DecisionState.PENDING,
        final=final,
        outcome=answer.outcome,
        reasons=list(answer.reasons),
        grounds=find_grounds(answer, case.rules),
        comment=answer.comment.strip(),
        overrides=overrides,
        places=list_marked(answer.places, case.shown),
        form=dict(answer.form),
        opened=known.list_opened(answer.opened),
        active_seconds=min(answer.active_seconds, known.count_seconds(now)),
        measured=known.dump(answer.opened, answer.active_seconds, now),
        decided_by=acting.user,
        channel=acting.actor.channel,
        token=acting.principal if isinstance(acting.principal, ApiToken) else None,
        at=now,
        commit_at=now + timedelta(seconds=window),
    )
    try:
        with transaction.atomic():
            decision.save(force_insert=True)
    except IntegrityError as error:
        # The database's own guard: one decision for a case, one of each person.
        raise CaseAlreadyDecided("This case is decided. Open the next one.") from error
    return decision


@notes_refusals("undo a decision")
def undo_decision(*, case_id: int, acting: Acting, now: datetime) -> Case:
    """Withdraw one's decision within the commit window; the case is claimed as before.

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
        record_event(case, "decision_withdrawn", acting, now)
        return case
