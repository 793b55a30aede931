"""Ask the policies that are attached to reviewers and to decisions."""

from datetime import datetime

from flows.policies.points import (
    DECISION,
    REVIEWER,
    DecisionInput,
    PersonTold,
    ReviewerInput,
    Verdict,
    judge,
)
from reviews.errors import NotAuthorised
from reviews.models import Case, Decision
from reviews.selectors.acting import get_reviewer, list_roles
from reviews.selectors.eligibility import Candidate
from reviews.selectors.parties import describe_parties


def judge_reviewer(case: Case, candidate: Candidate) -> Verdict:
    """Return what the policies say of this person having the case, which they allow.

    The table of eligibility is asked before: a policy takes away and never gives. No query, where
    none is attached. Raises: NotAuthorised, PersonUnfit.
    """
    verdict = judge(
        REVIEWER,
        lambda: _describe_reviewer(case, candidate),
        flow=case.flow,
        queue=case.queue.name,
    )
    if not verdict.allowed:
        raise candidate.refuse(
            verdict.refusal, f"may not have this case: choose someone else. {verdict.refusal}"
        )
    return verdict


def _describe_reviewer(case: Case, candidate: Candidate) -> ReviewerInput:
    user, reviewer = candidate.user, get_reviewer(candidate.user)
    return ReviewerInput(
        case=case.pk,
        queue=case.queue.name,
        flow=case.flow,
        step=case.step,
        subject=case.subject,
        value=case.value,
        fields=case.fields,
        act=str(candidate.act),
        person=PersonTold(
            name=user.username,
            level=reviewer.level,
            skills=reviewer.skills,
            roles=sorted(list_roles(user, case.queue)),
        ),
        parties=describe_parties(case),
        at=candidate.now,
    )


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
