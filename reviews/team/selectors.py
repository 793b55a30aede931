"""Reads about a team: what each person holds, who is away, saved views."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from reviews.models import (
    CLAIMABLE_STATES,
    OPEN_ENDED,
    Case,
    Decision,
    DecisionState,
    Queue,
    Reviewer,
)
from reviews.models.states import CaseState
from reviews.models.team import Absence, SavedView
from reviews.selectors.absences import list_standing_absences
from workbench.accounts.models import User
from workbench.accounts.permissions import PERMISSIONS

HELD_STATES = (CaseState.CLAIMED, CaseState.COMMITTING)


# --- The team's load ------------------------------------------------------------------

LANE_CASES = 8


@dataclass(frozen=True, slots=True)
class Lane:
    """A person with the cases they hold; with ``person`` None, the cases that nobody holds.

    ``limit`` is how many cases they may hold in the queues shown, 0 without a limit. ``away`` is
    their absence, if they are away now. ``cases`` are the LANE_CASES most pressing ones, of
    ``held`` in all.
    """

    person: User | None
    level: int = 1
    skills: Sequence[str] = ()
    held: int = 0
    overdue: int = 0
    due_soon: int = 0
    oldest_at: datetime | None = None
    decided: int = 0
    limit: int = 0
    away: Absence | None = None
    cases: Sequence[Case] = ()

    @property
    def load(self) -> float:
        """Return the share of the limit that is used, 0 to 1; 0 without a limit."""
        return min(1.0, self.held / self.limit) if self.limit else 0.0


def list_lanes(queues: Sequence[Queue], now: datetime, today: datetime) -> list[Lane]:
    """Return a lane for each person who decides in these queues, the fullest first: seven queries.

    ``today`` is when the day began for who asks.
    """
    held = Case.objects.filter(
        OPEN_ENDED, queue__in=queues, state__in=HELD_STATES, claimed_by__isnull=False
    )
    people = list_deciders(queues)
    loads = _loads(held, now)
    reviewers = {each.user_id: each for each in Reviewer.objects.filter(user__in=people)}
    decided = _decided_since(today, people, queues)
    away = {each.person_id: each for each in _away_now(now)}
    shown = _first_cases(held)
    limit = sum(queue.work_limit for queue in queues) if all(q.work_limit for q in queues) else 0
    lanes = [
        Lane(
            person=person,
            level=reviewers[person.pk].level if person.pk in reviewers else 1,
            skills=reviewers[person.pk].skills if person.pk in reviewers else (),
            decided=decided.get(person.pk, 0),
            limit=limit,
            away=away.get(person.pk),
            cases=shown.get(person.pk, ()),
            **loads.get(person.pk, {}),
        )
        for person in people
    ]
    return sorted(lanes, key=lambda lane: (-lane.overdue, -lane.held, str(lane.person)))


def get_free_lane(queues: Sequence[Queue], now: datetime) -> Lane:
    """Return the cases that nobody holds, the most pressing first and uncounted: one query."""
    free = Case.objects.filter(OPEN_ENDED, queue__in=queues, state__in=CLAIMABLE_STATES)
    return Lane(None, cases=list(_with_columns(free).order_by("rank", "id")[:LANE_CASES]))


def list_deciders(queues: Sequence[Queue]) -> list[User]:
    """Return the active people with a role that decides in one of these queues: one query."""
    names = ["", *(queue.name for queue in queues)]
    return list(
        User.objects.filter(
            is_active=True,
            grants__role__in=PERMISSIONS["cases.decide"],
            grants__queue_name__in=names,
        )
        .distinct()
        .order_by("username")
    )


def _loads(held: QuerySet[Case], now: datetime) -> dict[int, dict[str, Any]]:
    """Return how many cases each holder has, and how they stand: one query."""
    rows: Iterable[Mapping[str, Any]] = held.values("claimed_by").annotate(
        held=Count("pk"),
        overdue=Count("pk", filter=Q(due_at__lte=now)),
        due_soon=Count("pk", filter=Q(due_at__gt=now, warn_at__lte=now)),
        oldest_at=Min("claimed_at"),
    )
    names = ("held", "overdue", "due_soon", "oldest_at")
    return {row["claimed_by"]: {name: row[name] for name in names} for row in rows}


def _decided_since(
    today: datetime, people: Sequence[User], queues: Sequence[Queue]
) -> dict[int, int]:
    return dict(
        Decision.objects.filter(decided_by__in=people, at__gte=today, case__queue__in=queues)
        .exclude(state=DecisionState.WITHDRAWN)
        .values_list("decided_by")
        .annotate(Count("pk"))
    )


def _first_cases(held: QuerySet[Case]) -> dict[int, list[Case]]:
    """Return the most pressing cases of each holder: two queries, the first on the index alone."""
    place = Window(RowNumber(), partition_by="claimed_by", order_by=["rank", "id"])
    first = held.annotate(place=place).filter(place__lte=LANE_CASES).values_list("pk", flat=True)
    found: dict[int, list[Case]] = {}
    for case in _with_columns(Case.objects.filter(pk__in=list(first))).order_by("rank", "id"):
        found.setdefault(case.claimed_by_id or 0, []).append(case)
    return found


def _with_columns(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.select_related("queue").only(
        "id", "title", "state", "revision", "priority", "rank", "warn_at", "due_at", "value",
        "claimed_by", "escalation", "queue__name", "queue__title",
    )  # fmt: skip


def _away_now(now: datetime) -> QuerySet[Absence]:
    return list_standing_absences(now).filter(starts_at__lte=now).select_related("cover")


def list_absences(people: Iterable[User] | None, now: datetime) -> list[Absence]:
    """Return the absences that hold now or later, of these people or of all: one query."""
    found = (
        list_standing_absences(now).select_related("person", "cover").order_by("starts_at", "pk")
    )
    return list(found if people is None else found.filter(person__in=people))


def list_views(queue: Queue, user: User) -> list[SavedView]:
    """Return the person's own views of a queue and those shared with them: one query."""
    found = SavedView.objects.filter(Q(owner=user) | Q(shared=True), queue=queue)
    return list(found.select_related("owner").order_by("name", "pk"))
