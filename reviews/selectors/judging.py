"""Judge what a person would decide on a case, by the rules of authority and eligibility."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from reviews.errors import NotAuthorised
from reviews.models import Case, Decision, DecisionState, Part
from reviews.rules.amounts import find_amount
from reviews.rules.authority import (
    APPROVED,
    Facts,
    Need,
    NoAuthorityRule,
    Verdict,
    find_need,
    judge,
    read_rules,
)
from reviews.selectors.acting import get_reviewer
from reviews.selectors.eligibility import Candidate, list_refusals
from reviews.selectors.parties import list_parties


def judge_answer(
    case: Case,
    decider: Candidate,
    outcome: str,
    *,
    overrides: Sequence[Mapping[str, Any]] = (),
) -> Verdict:
    """Return the verdict of the rules on what this person would decide: three queries at most.

    ``overrides`` are the corrections that the decision makes.
    """
    votes, user = list_votes(case), decider.user
    need, quorum = find_need_of_case(case, overrides), int(case.rules.get("quorum", 1))
    approved = {
        vote.decided_by.username: vote.committed_at or vote.at
        for vote in votes
        if vote.outcome == APPROVED and vote.decided_by and _still_counts(vote, need, quorum)
    }
    edited = {p.user.username: p.at for p in list_parties(case) if p.part == Part.EDITED}
    asked = {p.user.username for p in list_parties(case) if p.part == Part.REQUESTED}
    last_edit = max(edited.values(), default=case.opened_at)
    facts = Facts(
        person=user.username,
        level=get_reviewer(user).level,
        outcome=outcome,
        requested_by=case.requested_by,
        requesters=frozenset(asked),
        need=need,
        quorum=quorum,
        four_eyes=bool(case.rules.get("four_eyes")),
        voters=frozenset(approved),
        outdated=frozenset(name for name, at in approved.items() if at <= last_edit),
        editors=frozenset(edited),
        edits_now=bool(overrides),
    )
    return judge(facts, [str(refusal) for refusal in list_refusals(case, decider)])


def list_votes(case: Case) -> list[Decision]:
    """Return the committed decisions of the case: one query, unless ``keep_votes`` read them."""
    kept: list[Decision] | None = getattr(case, "_kept_votes", None)
    return list(_select_votes([case])) if kept is None else kept


def keep_votes(cases: Sequence[Case]) -> None:
    """Read the votes of many cases by one query. Use the case objects for one decision only."""
    votes: dict[int, list[Decision]] = {case.pk: [] for case in cases}
    for vote in _select_votes(cases):
        votes[vote.case_id].append(vote)
    for case in cases:
        case._kept_votes = votes[case.pk]  # type: ignore[attr-defined]  # noqa: SLF001


def _select_votes(cases: Sequence[Case]) -> QuerySet[Decision]:
    votes = Decision.objects.filter(case__in=cases, state=DecisionState.COMMITTED)
    return votes.select_related("decided_by")


def _still_counts(vote: Decision, need: Need, quorum: int) -> bool:
    """Return whether an approval was given for what needed as much as the case needs now.

    Whoever approved 5,000 has not approved the 900,000 to which it was corrected afterwards.
    """
    checks = vote.receipt.get("authority") or {}
    needed = max(quorum, need.approvers)
    level, approvers = checks.get("level_needed"), checks.get("approvers_needed")
    return int(level or need.level) >= need.level and int(approvers or needed) >= needed


def find_need_of_case(case: Case, overrides: Sequence[Mapping[str, Any]] = ()) -> Need:
    """Return what an approval needs, by the larger of the amount stated and the corrected one.

    Raises: NotAuthorised if the matrix has no row for it.
    """
    rules = read_rules(case.queue.authority)
    amount = find_amount(case.value, case.shown, case.fields, overrides)
    try:
        return find_need(rules, amount, case.product, case.rules.get("exceptions", ()))
    except NoAuthorityRule as error:
        raise NotAuthorised(f"{error} Ask a team lead to complete it.") from error
