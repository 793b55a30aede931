"""Ask the policies that are attached to decisions."""

from datetime import datetime

from flows.policies.points import DECISION, DecisionInput, Verdict, judge
from reviews.errors import NotAuthorised
from reviews.models import Case, Decision
from reviews.selectors.parties import describe_parties


def judge_by_policies(case: Case, decision: Decision, now: datetime) -> Verdict:
    """Return what the policies say of a person's decision, which they allow.

    No query, where none is attached. Raises: NotAuthorised.
    """
    verdict = judge(
        DECISION,
        lambda: _describe(case, decision, now),
        flow=case.flow,
        queue=case.queue.name,
    )
    if not verdict.allowed:
        raise NotAuthorised(verdict.refusal)
    return verdict


def _describe(case: Case, decision: Decision, now: datetime) -> DecisionInput:
    return DecisionInput(
        case=case.pk,
        queue=case.queue.name,
        flow=case.flow,
        step=case.step,
        subject=case.subject,
        outcome=decision.outcome,
        reasons=decision.reasons,
        comment=decision.comment,
        overrides=decision.overrides,
        fields={**case.fields, **{each["field"]: each["new"] for each in decision.overrides}},
        by=decision.decided_by.username if decision.decided_by else None,
        channel=decision.channel,
        parties=describe_parties(case),
        at=now,
    )
