"""Who may take, receive, be handed and decide a case: one table of rules, each in two forms.

``refusal`` judges one case that was read, and says in a sentence why the person is refused.
``allows`` is the same rule as a condition on the cases of a queue, so that "next" finds only what
the person may take. Rules about what happened before (a delegation, an earlier approval) need the
database: all of them together are read for a case in one query, by the very conditions that
``allows`` returns.

What a decision itself needs, such as the authority to approve an amount, is in
reviews.rules.authority: it depends on what is decided. How many cases a person may hold is in
reviews.services.capacity: it depends on other cases.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q

from reviews.errors import (
    CaseAlreadyDecided,
    CaseClosed,
    CaseHeldByOther,
    CaseStale,
    NotAuthorised,
    PersonUnfit,
    ReviewError,
)
from reviews.models import Case, CaseParty, Decision, DecisionState, Part, Queue
from reviews.models.states import CLAIMABLE, CLOSED, CaseState
from reviews.models.team import Delegation
from reviews.rules import access
from reviews.selectors.acting import (
    Acting,
    describe_missing_permission,
    find_queue_refusal,
    get_reviewer,
    may,
)
from reviews.selectors.veil import list_barred_checks
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.accounts.permissions import reach


class Act(StrEnum):
    TAKE = "take"  # claim it, by hand or as the next one
    RECEIVE = "receive"  # be given it by a lead, a colleague or an absence
    BE_HANDED = "be handed"  # have it kept for oneself when it comes back to its queue
    DECIDE = "decide"


EVERY_ACT = frozenset(Act)
# What a person does themselves; the others are done to them, and the sentences say "choose".
OWN_ACTS = frozenset({Act.TAKE, Act.DECIDE})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person to whom a case may go, by which act and when. Use one for each transaction."""

    acting: Acting
    act: Act
    now: datetime
    _history: dict[int, frozenset[str]] = field(default_factory=dict, compare=False)

    @property
    def user(self) -> User:
        return self.acting.user

    def refuse(self, own: str, other: str) -> ReviewError:
        """Return the refusal: ``own`` is said to the person, ``other`` about them."""
        if self.act in OWN_ACTS:
            return NotAuthorised(own)
        return PersonUnfit(f"{self.user.label} {other}")

    def read_history(self, case: Case) -> frozenset[str]:
        """Return the names of the rules of history that refuse the person: one query for a case.

        A case that is not saved has no history.
        """
        if not case.pk:
            return frozenset()
        if case.pk not in self._history:
            self.read_histories([case])
        return self._history[case.pk]

    def read_histories(self, cases: Sequence[Case]) -> None:
        """Read the history of many cases by one query, for ``read_history`` to return."""
        if cases:
            self._history.update(_query_histories(cases, self))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and the acts to which it applies."""

    name: str
    acts: frozenset[Act]
    refusal: Callable[[Case, Candidate], ReviewError | None]
    allows: Callable[[Queue, Candidate], Q]


def make_candidate(user: User, act: Act, actor: Actor, now: datetime) -> Candidate:
    """Return a person other than the one who acts as a candidate, with all their permissions."""
    return Candidate(Acting(user, user, actor), act, now)


def make_decider(acting: Acting, now: datetime) -> Candidate:
    return Candidate(acting, Act.DECIDE, now)


def list_refusals(case: Case, candidate: Candidate) -> Iterator[ReviewError]:
    """Yield why the act is refused, in the order of the table: one query at most."""
    for rule in RULES:
        if candidate.act in rule.acts and (refusal := rule.refusal(case, candidate)):
            yield refusal


def find_refusal(case: Case, candidate: Candidate) -> ReviewError | None:
    """Return the first reason to refuse the act, None if it is allowed."""
    return next(list_refusals(case, candidate), None)


def check_eligible(case: Case, candidate: Candidate) -> None:
    """Raises: the first refusal of the table."""
    if refusal := find_refusal(case, candidate):
        raise refusal


def check_queue(queue: Queue, candidate: Candidate) -> None:
    """Raises: NotAuthorised, PersonUnfit if the person may do the act on no case of the queue."""
    if not _list_permitted_flows(queue, candidate):
        raise _refuse_permission(queue, candidate)
    if refusal := _refuse_by_access(_choose_access_act(candidate), queue, candidate):
        raise refusal


# --- Is the case free? ------------------------------------------------------------


def find_obstacle(case: Case, user: User, now: datetime) -> ReviewError | None:
    """Return why this person cannot work on the case now, None if they can. No queries."""
    if case.state == CaseState.DECIDED:
        return CaseAlreadyDecided("This case is decided. Open the next one.")
    if case.state in CLOSED:
        return CaseClosed(f"This case is {case.state}: its run no longer waits. Open the next one.")
    if case.state == CaseState.COMMITTING:
        if case.claimed_by_id == user.pk:
            return CaseAlreadyDecided("You have just decided this case. Undo it to decide anew.")
        return CaseAlreadyDecided(
            f"{_name_holder(case)} has just decided this case. Open the next one."
        )
    held = case.claimed_by_id is not None and case.lease_until and case.lease_until > now
    if held and case.claimed_by_id != user.pk:
        return CaseHeldByOther(
            f"{_name_holder(case)} holds this case. "
            "Open the next one, or ask a lead to reassign it."
        )
    return None


def _name_holder(case: Case) -> str:
    return case.claimed_by.label if case.claimed_by else "Someone"


def list_free_states(now: datetime, *, escalated: bool = True) -> list[Q]:
    """Return a condition for each state in which nobody holds a case."""
    free = [Q(state=CaseState.OPEN), Q(state=CaseState.CLAIMED, lease_until__lte=now)]
    return [*free, Q(state=CaseState.ESCALATED)] if escalated else free


def _refuse_held(case: Case, candidate: Candidate) -> ReviewError | None:
    if obstacle := find_obstacle(case, candidate.user, candidate.now):
        return obstacle
    if case.state in CLAIMABLE | {CaseState.CLAIMED}:
        return None
    return CaseStale(f"This case is {case.get_state_display().lower()}: it cannot be claimed now.")


def _allow_free(queue: Queue, candidate: Candidate) -> Q:
    own = Q(state=CaseState.CLAIMED, claimed_by=candidate.user)
    return reduce(or_, [*list_free_states(candidate.now), own])


# --- May the person work here? ----------------------------------------------------


def _refuse_without_permission(case: Case, candidate: Candidate) -> ReviewError | None:
    if may(candidate.acting, "cases.decide", queue=case.queue, flow=case.flow):
        return None
    return _refuse_permission(case.queue, candidate)


def _refuse_permission(queue: Queue, candidate: Candidate) -> ReviewError:
    return candidate.refuse(
        describe_missing_permission("cases.decide", queue),
        f"may not decide in {queue.title}: choose someone else.",
    )


def _allow_permitted_flows(queue: Queue, candidate: Candidate) -> Q:
    flows = _list_permitted_flows(queue, candidate)
    return Q() if "" in flows else Q(flow__in=flows)


def _list_permitted_flows(queue: Queue, candidate: Candidate) -> list[str]:
    """Return the flows whose cases in this queue the person may decide; "" stands for all."""
    found = reach(candidate.acting.principal, "cases.decide")
    if found.everywhere:
        return [""]
    return sorted({flow for flow, name in found.scopes if name in {"", queue.name}})


def _choose_access_act(candidate: Candidate) -> str:
    return access.CLAIM if candidate.act == Act.TAKE else access.DECIDE


def _refuse_by_access(act: str, queue: Queue, candidate: Candidate) -> ReviewError | None:
    refusal = find_queue_refusal(act, candidate.user, queue)
    return candidate.refuse(refusal, f"cannot have this case. {refusal}") if refusal else None


def _restrict_access(act: str, acts: frozenset[Act]) -> Rule:
    return Rule(
        f"access to {act}",
        acts,
        lambda case, candidate: _refuse_by_access(act, case.queue, candidate),
        lambda queue, candidate: _allow_all_or_none(not _refuse_by_access(act, queue, candidate)),
    )


def _allow_all_or_none(allowed: bool) -> Q:
    return Q() if allowed else Q(pk__in=[])


def has_authority(queue: Queue, acting: Acting) -> bool:
    """Return whether the person may take the escalated cases of the queue."""
    leads = may(acting, "cases.assign", queue=queue, flow="")
    return leads or get_reviewer(acting.user).level > 1


def _refuse_escalated(case: Case, candidate: Candidate) -> ReviewError | None:
    # A case that comes back is not in its state yet, but will be escalated if it was before.
    returning = candidate.act == Act.BE_HANDED and case.escalation > 0
    escalated = case.state == CaseState.ESCALATED or returning
    if not escalated or has_authority(case.queue, candidate.acting):
        return None
    return candidate.refuse(
        "This case is escalated: someone with more authority must take it.",
        "has not the authority for an escalated case: choose someone else.",
    )


def _allow_escalated(queue: Queue, candidate: Candidate) -> Q:
    if has_authority(queue, candidate.acting):
        return Q()
    allowed = ~Q(state=CaseState.ESCALATED)
    return allowed & Q(escalation=0) if candidate.act == Act.BE_HANDED else allowed


# --- Is it kept for somebody? -----------------------------------------------------


def _refuse_reserved(case: Case, candidate: Candidate) -> ReviewError | None:
    kept = case.reserved_until is not None and case.reserved_until > candidate.now
    if not kept or case.familiar is None or case.familiar_id == candidate.user.pk:
        return None
    return CaseHeldByOther(
        f"This case is kept for {case.familiar.label}, who worked on it before. "
        "Open the next one, or ask a lead to reassign it."
    )


def _allow_unreserved(queue: Queue, candidate: Candidate) -> Q:
    for_another = Q(familiar__isnull=False) & ~Q(familiar=candidate.user)
    return ~(Q(reserved_until__gt=candidate.now) & for_another)


# --- Rules of history: has the person a part in it? -------------------------------


def _allow_others_requests(queue: Queue, candidate: Candidate) -> Q:
    return _allow_without_part(Part.REQUESTED, candidate)


def _allow_apart(queue: Queue, candidate: Candidate) -> Q:
    return _allow_without_part(Part.DECIDED, candidate)


def _allow_without_part(part: Part, candidate: Candidate) -> Q:
    mine = CaseParty.objects.filter(case=OuterRef("pk"), user=candidate.user, part=part)
    return ~Q(Exists(mine))


def _allow_undelegated(queue: Queue, candidate: Candidate) -> Q:
    return ~Q(Exists(Delegation.objects.filter(case=OuterRef("pk"), by=candidate.user)))


def _allow_undecided(queue: Queue, candidate: Candidate) -> Q:
    decided = Decision.objects.filter(
        case=OuterRef("pk"), decided_by=candidate.user, state=DecisionState.COMMITTED
    )
    return ~Q(Exists(decided))


def _allow_unbarred(queue: Queue, candidate: Candidate) -> Q:
    # Most cases are no checks: for them the list of barred ones is not even read.
    return Q(wait_id__isnull=False) | ~Q(pk__in=list_barred_checks(candidate.user))


def _make_history_rule(
    name: str, allows: Callable[[Queue, Candidate], Q], *, own: str, other: str
) -> Rule:
    def refuse(case: Case, candidate: Candidate) -> ReviewError | None:
        return candidate.refuse(own, other) if name in candidate.read_history(case) else None

    return Rule(name, EVERY_ACT, refuse, allows)


HISTORY = (
    _make_history_rule(
        "requested",
        _allow_others_requests,
        own="You asked for this, so someone else must decide it.",
        other="asked for this: choose someone else.",
    ),
    _make_history_rule(
        "apart",
        _allow_apart,
        own="You decided an earlier step of this, so someone else must decide it now.",
        other="decided an earlier step of this: choose someone else.",
    ),
    _make_history_rule(
        "delegated",
        _allow_undelegated,
        own="You delegated this case, so someone else must decide it.",
        other="delegated this case: choose someone else.",
    ),
    _make_history_rule(
        "approved",
        _allow_undecided,
        own="You have approved this already; another person must decide it now.",
        other="has approved this already: choose someone else.",
    ),
    _make_history_rule(
        "barred",
        _allow_unbarred,
        own="Another person must take this case. Open the next one.",
        other="may not take this case: choose someone else.",
    ),
)


def _query_histories(cases: Sequence[Case], candidate: Candidate) -> dict[int, frozenset[str]]:
    """Return, for each case, the rules of history that refuse the person. They ask of no queue."""
    allowed = [
        ExpressionWrapper(rule.allows(cases[0].queue, candidate), output_field=BooleanField())
        for rule in HISTORY
    ]
    rows = Case.objects.filter(pk__in=[case.pk for case in cases]).values_list("pk", *allowed)
    return {
        pk: frozenset(rule.name for rule, holds in zip(HISTORY, held, strict=True) if not holds)
        for pk, *held in rows
    }


# --- The table --------------------------------------------------------------------

RULES = (
    Rule("free", frozenset({Act.TAKE}), _refuse_held, _allow_free),
    Rule("permission", EVERY_ACT, _refuse_without_permission, _allow_permitted_flows),
    _restrict_access(access.CLAIM, frozenset({Act.TAKE, Act.BE_HANDED})),
    _restrict_access(access.DECIDE, frozenset({Act.RECEIVE, Act.BE_HANDED, Act.DECIDE})),
    Rule(
        "authority",
        frozenset({Act.TAKE, Act.BE_HANDED}),
        _refuse_escalated,
        _allow_escalated,
    ),
    *HISTORY,
    Rule("reserved", frozenset({Act.TAKE}), _refuse_reserved, _allow_unreserved),
)


def list_conditions(queue: Queue, candidate: Candidate, *, but: str = "") -> list[Q]:
    """Return the condition of each rule of the act, ``but`` one, on the cases of the queue."""
    return [
        rule.allows(queue, candidate)
        for rule in RULES
        if candidate.act in rule.acts and rule.name != but
    ]
