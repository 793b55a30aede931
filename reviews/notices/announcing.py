"""Put what apps announce under the bell of whoever it is for."""

from datetime import datetime

from django.db.models import Q

from reviews.models.notices import Notice
from workbench.accounts.models import User
from workbench.accounts.permissions import PERMISSIONS, reach
from workbench.live import nudge_on_commit
from workbench.shell.announcements import Announcement

SAID_MAX = 500


def give_notice(announcement: Announcement, now: datetime) -> None:
    """Write a notice for each active person who has the permission everywhere."""
    roles = PERMISSIONS[announcement.permission]
    people = User.objects.filter(Q(grants__role__in=roles) | Q(is_superuser=True), is_active=True)
    notices = [
        Notice(
            person=person,
            kind=announcement.kind,
            title=announcement.title[:200],
            said=announcement.said[:SAID_MAX],
            path=announcement.path,
            permission=announcement.permission,
            at=now,
        )
        for person in people.distinct().order_by("pk")
        if reach(person, announcement.permission).everywhere
    ]
    Notice.objects.bulk_create(notices, batch_size=100)
    for notice in notices:
        nudge_on_commit([f"user.{notice.person_id}"], {"notices": True})
