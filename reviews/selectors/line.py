"""The order in which one person may take the cases of a queue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from reviews.models import Case, Queue
from reviews.models.states import CLAIMABLE, CaseState
from reviews.selectors.acting import Acting
from reviews.selectors.eligibility import (
    Act,
    Candidate,
    has_authority,
    list_conditions,
    list_free_states,
)
from workbench.accounts.models import User


def list_first_in_line(parts: Sequence[QuerySet[Case]], limit: int) -> list[int]:
    """Return the ids of the first cases by rank of all parts together: one query for each part."""
    places = [
        place
        for part in parts
        for place in part.order_by("rank", "id").values_list("rank", "pk")[:limit]
    ]
    return [pk for _, pk in sorted(places)[:limit]]


@dataclass(frozen=True, slots=True)
class Line:
    """The cases that "next" may give a person, unordered: free ones that they may take.

    ``free`` has a condition for each state that may be taken. A part is read in the order of an
    index; all states together would have to be sorted, each time.
    """

    cases: QuerySet[Case]
    free: tuple[Q, ...]

    @classmethod
    def of(cls, queue: Queue, acting: Acting, now: datetime) -> "Line":
        candidate = Candidate(acting, Act.TAKE, now)
        cases = Case.objects.filter(*list_conditions(queue, candidate, but="free"), queue=queue)
        return cls(cases, tuple(list_free_states(now, escalated=has_authority(queue, acting))))

    @property
    def parts(self) -> list[QuerySet[Case]]:
        return [self.cases.filter(part) for part in self.free]

    def lock(self, *, but: Case | None) -> "Line":
        """Return the line without ``but``; cases are locked when read, locked ones are skipped."""
        cases = self.cases.exclude(pk=but.pk) if but else self.cases
        return replace(self, cases=cases.select_for_update(skip_locked=True, of=("self",)))

    def filter_known(self, user: User) -> QuerySet[Case]:
        """Return the cases that the person worked on before: few enough to be sorted."""
        known = self.cases.filter(familiar=user, state__in=[*CLAIMABLE, CaseState.CLAIMED])
        return known.filter(reduce(or_, self.free))
