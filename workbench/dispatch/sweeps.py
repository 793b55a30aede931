"""Sweeps: a clock task's rows, each on its own, so that a bad one harms only itself.

A row that fails is rolled back alone and set aside with its cause. The sweep goes on with the
others at once, passes the bad one over until its next attempt (later each time, at most an hour)
and names it on the health page. A row that succeeds is forgotten there.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from workbench.dispatch.models import SetAside
from workbench.dispatch.patience import AWAY

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 3600
CAUSE_CHARACTERS = 500


R = TypeVar("R")


def primary_key_of(row: object) -> str:
    """Return the primary key of a model's row, as a text."""
    return str(getattr(row, "pk"))  # noqa: B009 - any model has one


class Sweep:
    """One pass of the clock task ``task`` over its rows, at ``now``."""

    def __init__(self, task: str, now: datetime) -> None:
        self.task, self.now = task, now
        self._known = dict(SetAside.objects.filter(task=task).values_list("key", "retry_at"))

    @property
    def passed_over(self) -> list[str]:
        """The keys of the rows that were set aside and whose next attempt is not due.

        Leave them out of the query that finds the rows: they must not fill its batch.
        """
        return [key for key, retry_at in self._known.items() if retry_at > self.now]

    def each(
        self,
        rows: Iterable[R],
        act: Callable[[R], object],
        *,
        key: Callable[[R], str] = primary_key_of,
    ) -> int:
        """Call ``act(row)`` for each row in a savepoint of its own; return how many succeeded.

        Raises: what the database raises while it is away; then no row is to blame.
        """
        return sum(self.one(row, act, key=key(row)) for row in rows)

    def one(self, row: R, act: Callable[[R], object], *, key: str) -> bool:
        """Do what ``each`` does, for one row; say whether it succeeded."""
        try:
            with transaction.atomic():
                act(row)
        except AWAY:
            raise
        except Exception as error:
            logger.exception("%s: %s cannot be done and is set aside", self.task, key)
            set_aside(self.task, key, error, self.now)
            return False
        if key in self._known:
            SetAside.objects.filter(task=self.task, key=key).delete()
        return True


def set_aside(task: str, key: str, error: Exception, now: datetime) -> None:
    """Keep that the row ``key`` of a task failed, and when it is to be tried again."""
    cause = f"{type(error).__name__}: {error}".replace("\x00", "")[:CAUSE_CHARACTERS]
    with transaction.atomic():
        row, is_new = SetAside.objects.select_for_update().get_or_create(
            task=task,
            key=key,
            defaults={
                "cause": cause, "failures": 1, "first_at": now, "last_at": now,
                "retry_at": now + pause_after(1),
            },
        )  # fmt: skip
        if not is_new:
            SetAside.objects.filter(pk=row.pk).update(
                cause=cause,
                failures=F("failures") + 1,
                last_at=now,
                retry_at=now + pause_after(row.failures + 1),
            )


def pause_after(failures: int) -> timedelta:
    """Return how long a row rests after so many failures: 5 s, doubled each time, up to an hour."""
    return timedelta(
        seconds=min(FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 16), LONGEST_PAUSE_SECONDS)
    )


def list_set_aside(limit: int = 100) -> list[SetAside]:
    """Return what is set aside, the newest first: one query."""
    return list(SetAside.objects.order_by("-last_at")[:limit])
