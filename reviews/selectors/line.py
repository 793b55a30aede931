"""The order in which one person may take the cases of a queue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q, QuerySet

from reviews.models import Case, Decision, DecisionState, Queue
from reviews.models.states import CLAIMABLE, CaseState
from reviews.models.team import Delegation
from reviews.selectors.acting import Acting, may, reviewer_of
from reviews.selectors.veil import barred_from
from workbench.accounts.models import User


def first_in_line(parts: Sequence[QuerySet[Case]], limit: int) -> list[int]:
    """Return the ids of the first cases of the parts together: a query each."""
    places = [
        place
        for part in parts
        for place in part.order_by("rank", "id").values_list("rank", "pk")[:limit]
    ]
    return [pk for _, pk in sorted(places)[:limit]]


@dataclass(frozen=True, slots=True)
class Line:
    """The cases that "next" may give a person, unordered.

    ``free`` has a condition for each state that may be taken. A part is read in the order of an
    index; all states together would have to be sorted, each time.
    """

    cases: QuerySet[Case]
    free: tuple[Q, ...]

    @classmethod
    def of(cls, queue: Queue, acting: Acting, now: datetime) -> "Line":
        free = [Q(state=CaseState.OPEN), Q(state=CaseState.CLAIMED, lease_until__lte=now)]
        if has_authority(queue, acting):
            free.append(Q(state=CaseState.ESCALATED))
        kept_for_others = Q(reserved_until__gt=now) & ~Q(familiar=acting.user)
        approved_before = Decision.objects.filter(
            case=OuterRef("pk"), decided_by=acting.user, state=DecisionState.COMMITTED
        )
        delegated = Delegation.objects.filter(case=OuterRef("pk"), by=acting.user)
        cases = (
            Case.objects.filter(queue=queue)
            .exclude(kept_for_others)
            .exclude(requested_by__in=[acting.user.username, acting.user.label])
            .exclude(Exists(approved_before) | Exists(delegated))
            .exclude(pk__in=barred_from(acting.user))
        )
        return cls(cases, tuple(free))

    @property
    def parts(self) -> list[QuerySet[Case]]:
        return [self.cases.filter(part) for part in self.free]

    def locked(self, *, but: Case | None) -> "Line":
        """Lock what is read; skip what others have locked, and that one case."""
        cases = self.cases.exclude(pk=but.pk) if but else self.cases
        return replace(self, cases=cases.select_for_update(skip_locked=True, of=("self",)))

    def known_to(self, user: User) -> QuerySet[Case]:
        """Return what the person worked on before: few, so that they may well be sorted."""
        known = self.cases.filter(familiar=user, state__in=[*CLAIMABLE, CaseState.CLAIMED])
        return known.filter(reduce(or_, self.free))


def has_authority(queue: Queue, acting: Acting) -> bool:
    leads = may(acting, "cases.assign", queue=queue, flow="")
    return leads or reviewer_of(acting.user).level > 1
