"""Who is away, until when, and who stands in for whom."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from reviews.models.team import Absence
from reviews.rules.covering import Away, stand_in
from workbench.accounts.models import User


def standing_absences(now: datetime) -> QuerySet[Absence]:
    """Return the absences that hold now or later."""
    return Absence.objects.filter(ended_at=None, ends_at__gt=now)


def aways_from(absences: Iterable[Absence]) -> list[Away]:
    return [Away(a.person_id, a.cover_id, a.starts_at, a.ends_at) for a in absences]


def stand_in_for(user: User, now: datetime) -> User | None:
    """Return who gets the person's cases now: mostly they themselves. One query, two if away."""
    away_now = standing_absences(now).filter(starts_at__lte=now)
    found = stand_in(user.pk, now, aways_from(away_now))
    if found == user.pk:
        return user
    return User.objects.filter(pk=found, is_active=True).first() if found else None


def away_until(user: User, now: datetime) -> datetime | None:
    """Return when the person is back, None if they are not away: one query."""
    found = standing_absences(now).filter(person=user, starts_at__lte=now)
    return found.order_by("-ends_at").values_list("ends_at", flat=True).first()
