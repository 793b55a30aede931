"""Checks: cases whose decision is compared with another and changes nothing else.

A check is an ordinary case without a wait. People claim and decide it as any other, because they
must not tell it from one. When its final decision is committed it is settled here, where a run's
case would let its run go on.
"""

from datetime import datetime

from django.db.models import Q

from reviews.models import Case, Decision, DecisionKind
from reviews.models.quality import CheckKind, CheckState, KnownAnswer, QualityCheck, QueuePolicy
from reviews.rules.answers import list_shown_fields
from reviews.rules.choosing import is_drawn
from reviews.selectors.veil import is_independent
from reviews.services.moving import ENGINE, record_event
from reviews.services.parties import copy_parties
from reviews.services.shown_check import describe_opening
from reviews.services.stopwatch import set_instants
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record

# What a check has in common with the case it repeats.
COPIED = (
    "queue", "run_id", "flow", "flow_version", "step", "title", "summary", "subject", "priority",
    "value", "product", "confidence", "requested_by", "shown", "rules", "sla",
)  # fmt: skip


def follow_final_decision(case: Case, decision: Decision, now: datetime) -> None:
    """Settle a check, or open a second review of some of the cases that a run waited for.

    In the decision's transaction; one query at least.
    """
    if case.wait_id is None:
        settle_check(case, decision, now)
    elif decision.kind == DecisionKind.PERSON:
        open_second_review(case, decision, now)


def open_second_review(case: Case, decision: Decision, now: datetime) -> QualityCheck | None:
    """Open a blind second review if the case is drawn, by its run and step and so never twice."""
    policy = QueuePolicy.objects.filter(queue=case.queue_id).only("second_percent").first()
    key = ("second", case.queue.name, case.run_id, case.step)
    if policy is None or not is_drawn(policy.second_percent, *key):
        return None
    return open_check(
        CheckKind.SECOND,
        source=f"case:{case.pk}",
        original=case,
        expected=decision.outcome,
        expected_by=decision.decided_by,
        now=now,
    )


def open_check(
    kind: CheckKind,
    *,
    source: str,
    original: Case,
    expected: str,
    now: datetime,
    expected_by: User | None = None,
    known: KnownAnswer | None = None,
) -> QualityCheck:
    """Open a case that repeats ``original``. In the caller's transaction.

    Raises: IntegrityError if there is a check of the kind for the source.
    """
    case = repeat_case(original, now)
    return save_check(
        QualityCheck(
            case=case,
            kind=kind,
            source=source,
            original=original,
            known=known,
            expected=expected,
            expected_by=expected_by,
            opened_at=now,
        )
    )


def save_check(check: QualityCheck) -> QualityCheck:
    """Save a check and record it in the ledger.

    The case's history does not tell of it, because reviewers read that.
    """
    check.save(force_insert=True)
    record(
        action="quality.check_opened",
        subject=("case", str(check.case_id)),
        actor=ENGINE,
        payload={
            "case": check.case_id,
            "kind": str(check.kind),
            "source": check.source,
            "original": check.original_id,
        },
        now=check.opened_at,
    )
    return check


def repeat_case(original: Case, now: datetime) -> Case:
    """Open a copy of ``original`` as it was when it was opened, with a full SLA of its own."""
    case = Case(
        **{name: getattr(original, name) for name in COPIED},
        wait_id=None,
        fields=get_fields_at_opening(original),
        independent=is_independent(original.queue, original.run_id),
        opened_at=now,
        running_since=now,
    )
    set_instants(case)
    case.save(force_insert=True)
    copy_parties(original, case)
    record_event(
        case,
        "opened",
        ENGINE,
        now,
        data=describe_opening(case),
    )
    return case


def get_fields_at_opening(case: Case) -> dict[str, object]:
    return {
        field["key"]: field.get("value")
        for field in list_shown_fields(case.shown)
        if field.get("key")
    }


def settle_check(case: Case, decision: Decision, now: datetime) -> None:
    """Compare the decision with what was expected. An expired check has no result."""
    check = QualityCheck.objects.select_for_update(of=("self",)).get(case=case)
    by_person = decision.kind == DecisionKind.PERSON
    check.state = CheckState.SETTLED if by_person else CheckState.DROPPED
    check.outcome = decision.outcome
    check.decided_by = decision.decided_by
    check.agreed = decision.outcome == check.expected if by_person else None
    check.settled_at = now
    check.save(update_fields=["state", "outcome", "decided_by", "agreed", "settled_at"])
    if by_person:
        record(
            action="quality.check_settled",
            subject=("case", str(case.pk)),
            actor=Actor.user(decision.decided_by, "page") if decision.decided_by else ENGINE,
            payload={
                "case": case.pk,
                "kind": str(check.kind),
                "expected": check.expected,
                "outcome": check.outcome,
                "result": "agreed" if check.agreed else "disagreed",
            },
            now=now,
        )


def drop_checks(*, known: KnownAnswer) -> int:
    """Drop the open checks of a retired answer; people may still decide them. Return how many."""
    open_ones = Q(known=known, state=CheckState.OPEN)
    return QualityCheck.objects.filter(open_ones).update(state=CheckState.DROPPED)
