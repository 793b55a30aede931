"""Who is away, until when, and who stands in for whom."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from reviews.models.team import Absence
from reviews.rules.covering import Away, follow_covers
from workbench.accounts.models import User


def list_standing_absences(now: datetime) -> QuerySet[Absence]:
    """Return the absences that have not ended: present and planned ones."""
    return Absence.objects.filter(ended_at=None, ends_at__gt=now)


def make_aways(absences: Iterable[Absence]) -> list[Away]:
    return [Away(a.person_id, a.cover_id, a.starts_at, a.ends_at) for a in absences]


def find_stand_in(user: User, now: datetime) -> User | None:
    """Return the person, or who covers for them if they are away now; None if nobody does.

    One query, two if away.
    """
    away_now = list_standing_absences(now).filter(starts_at__lte=now)
    found = follow_covers(user.pk, now, make_aways(away_now))
    if found == user.pk:
        return user
    return User.objects.filter(pk=found, is_active=True).first() if found else None


def find_return_time(user: User, now: datetime) -> datetime | None:
    """Return when the person is back, None if they are not away: one query."""
    found = list_standing_absences(now).filter(person=user, starts_at__lte=now)
    return found.order_by("-ends_at").values_list("ends_at", flat=True).first()
