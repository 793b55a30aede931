"""Queues with their SLA policies and working calendars, and the office that a review needs."""

from typing import Any

from django.utils import timezone

from reviews.models import Queue, SlaPolicy, WorkCalendar
from tests.factories.people import make_person
from workbench.accounts.models import Role

FIVE_DAYS = {
    day: [["09:00", "17:00"]] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}
ALWAYS = {
    day: [["00:00", "24:00"]]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}


def make_queue(name: str = "underwriting", **options: Any) -> Queue:
    options.setdefault("commit_window_seconds", 5)
    return Queue.objects.create(
        name=name, title=name.capitalize(), created_at=timezone.now(), **options
    )


def make_policy(
    name: str = "standard",
    *,
    hours: dict[str, Any] | None = None,
    due_minutes: int = 480,
    steps: Any = (),
    breach: str = "raise_priority",
) -> SlaPolicy:
    calendar, _ = WorkCalendar.objects.get_or_create(
        name="office" if hours is None else f"for-{name}",
        defaults={"time_zone": "UTC", "hours": ALWAYS if hours is None else hours},
    )
    return SlaPolicy.objects.create(
        name=name, title=name, calendar=calendar, due_minutes=due_minutes, steps=list(steps),
        breach=breach,
    )  # fmt: skip


def make_office(**roles: Role) -> Queue:
    """Make the queue underwriting, its SLA policy, and people by user name; return the queue."""
    queue = make_queue()
    make_policy()
    for username, role in roles.items():
        make_person(username, role)
    return queue
