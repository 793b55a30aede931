"""Tell people and destinations about a case, and mark what was read."""

from collections.abc import Iterable
from datetime import datetime

from reviews.models import Case
from reviews.models.notices import Notice
from reviews.services.post import Post
from workbench.accounts.models import User
from workbench.live import nudge_on_commit


def notify_people(
    case: Case, people: Iterable[User], kind: str, now: datetime, *, said: str = "", by: str = ""
) -> None:
    """Notify each person who may see the case, by a notice and, with an address, by mail."""
    post = Post(now)
    post.tell(case, people, kind, said=said, by=by)
    post.write()


def notify_leads(case: Case, kind: str, now: datetime, *, said: str = "", by: str = "") -> None:
    """Notify the team leads of the case's queue and the destinations that listen to the kind."""
    post = Post(now)
    post.tell_leads(case, kind, said=said, by=by)
    post.tell_destinations(case, kind)
    post.write()


def mark_read(*, person: User, now: datetime, notice_id: int | None = None) -> int:
    """Mark one of the person's notices as read, or all; return how many were unread."""
    unread = Notice.objects.filter(person=person, read_at=None)
    if notice_id is not None:
        unread = unread.filter(pk=notice_id)
    count = unread.update(read_at=now)
    if count:
        nudge_on_commit([f"user.{person.pk}"], {"notices": True})
    return count
