"""Reads of a person's notices."""

from reviews.models.notices import Notice
from workbench.accounts.models import User

PAGE_SIZE = 50
# The bell shows "99+" from here on.
COUNT_CAP = 100


def list_notices(user: User, before: int | None = None) -> list[Notice]:
    """Return a page of the person's notices, newest first, and one more if there is: one query."""
    found = Notice.objects.filter(person=user).select_related("case", "case__queue")
    if before is not None:
        found = found.filter(pk__lt=before)
    columns = ("case__shown", "case__rules", "case__fields", "case__sla")
    return list(found.defer(*columns).order_by("-pk")[: PAGE_SIZE + 1])


def count_unread(user: User) -> int:
    """Return the number of unread notices, COUNT_CAP at most: one query."""
    return Notice.objects.filter(person=user, read_at=None)[:COUNT_CAP].count()
