"""Sweeps: a clock task's rows, each on its own, so that a bad one harms only itself.

A row that fails is rolled back alone and set aside with its cause. The sweep goes on with the
others at once, passes the bad one over until its next attempt (later each time, at most an hour)
and names it on the health page. A row that succeeds is forgotten there.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from workbench.dispatch.models import SetAside
from workbench.dispatch.outage import is_passing

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 3600
CAUSE_CHARACTERS = 500
# So many rows share a savepoint: if one is bad, no more than these are done again.
AT_ONCE = 100
# Rows that fail together are split into so many parts. With two, the good ones of a hundred would
# be done up to three times, with eight twice.
PARTS = 8

R = TypeVar("R")


def try_together(
    rows: Sequence[R],
    act: Callable[[Sequence[R]], object],
    fail: Callable[[R, Exception], object],
    *,
    is_no_fault: Callable[[Exception], bool] = is_passing,
    at_once: int = AT_ONCE,
) -> None:
    """Call ``act(some)`` in a savepoint for so many rows at once, until all are done.

    Rows that fail are split and done again, until those that fail alone are found: for them
    ``fail(row, error)`` is called.

    Raises: an error that is no row's fault.
    """
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        try:
            with transaction.atomic():
                act(some)
        except Exception as error:
            if is_no_fault(error):
                raise
            if len(some) == 1:
                fail(some[0], error)
                continue
            logger.warning("%d rows failed together and are split: %s", len(some), error)
            part = -(-len(some) // PARTS)
            try_together(some, act, fail, is_no_fault=is_no_fault, at_once=part)


def primary_key_of(row: object) -> str:
    """Return the primary key of a model's row, as a text."""
    return str(getattr(row, "pk"))  # noqa: B009 - any model has one


class Sweep:
    """One pass of the clock task ``task`` over its rows, at ``now``.

    An error of a database that is away, or of ``away``, is no row's fault: it goes up, and the
    task is repeated. A statement that fails by itself, as by a time limit, is its row's. The log
    names a row that fails by ``called`` and its key.
    """

    def __init__(
        self,
        task: str,
        now: datetime,
        *,
        away: tuple[type[Exception], ...] = (),
        called: str = "The row",
    ) -> None:
        self.task, self.now, self.away, self.called = task, now, away, called
        self.failures = 0
        self._known = dict(SetAside.objects.filter(task=task).values_list("key", "retry_at"))
        self._tried: set[str] = set()

    @property
    def passed_over(self) -> list[str]:
        """The keys of the rows that were set aside and whose next attempt is not due.

        Leave them out of the query that finds the rows: they must not fill its batch.
        """
        return [key for key, retry_at in self._known.items() if retry_at > self.now]

    @property
    def to_retry(self) -> list[str]:
        """The keys of the rows that were set aside and whose next attempt is due."""
        return [key for key, retry_at in self._known.items() if retry_at <= self.now]

    def ids_passed_over(self, prefix: str = "") -> list[int]:
        """Return ``passed_over`` as integers: those that begin with ``prefix``, without it."""
        return ids_in(self.passed_over, prefix)

    def each(
        self,
        rows: Iterable[R],
        act: Callable[[R], object],
        *,
        key: Callable[[R], str] = primary_key_of,
        own_transaction: bool = False,
    ) -> int:
        """Call ``act(row)`` for each row in a savepoint of its own; return how many succeeded.

        With ``own_transaction`` the act opens one itself and needs no savepoint around it.

        Raises: what the database raises while it is away; then no row is to blame.
        """
        return sum(
            self.one(row, act, key=key(row), own_transaction=own_transaction) for row in rows
        )

    def one(
        self, row: R, act: Callable[[R], object], *, key: str, own_transaction: bool = False
    ) -> bool:
        """Do what ``each`` does, for one row; say whether it succeeded."""
        try:
            with nullcontext() if own_transaction else transaction.atomic():
                act(row)
        except Exception as error:
            if self._is_no_fault(error):
                raise
            self.blame(key, error)
            return False
        self.forget([key])
        return True

    def together(
        self,
        rows: Sequence[R],
        act: Callable[[Sequence[R]], object],
        *,
        key: Callable[[R], str] = primary_key_of,
        at_once: int = AT_ONCE,
    ) -> None:
        """Call ``act(some)`` for the rows as ``try_together`` does, and set the bad ones aside."""

        def act_and_forget(some: Sequence[R]) -> None:
            act(some)
            self.forget(map(key, some))

        try_together(
            rows,
            act_and_forget,
            lambda row, error: self.blame(key(row), error),
            is_no_fault=self._is_no_fault,
            at_once=at_once,
        )

    def _is_no_fault(self, error: Exception) -> bool:
        return is_passing(error) or isinstance(error, self.away)

    def blame(self, key: str, error: Exception, *, retry_at: datetime | None = None) -> None:
        """Set the row aside because of ``error``, until ``retry_at`` or as long as is usual."""
        logger.error(
            "%s %s failed and is set aside by %s", self.called, key, self.task, exc_info=error
        )
        self.failures += 1
        self._tried.add(key)
        set_aside(self.task, key, error, self.now, retry_at=retry_at)

    def forget(self, keys: Iterable[str]) -> None:
        """Keep no longer that these rows failed, because they succeeded. No query if none had."""
        done = self._known.keys() & set(keys)
        if done:
            self._tried |= done
            SetAside.objects.filter(task=self.task, key__in=done).delete()

    def forget_gone(self) -> None:
        """Forget rows whose next attempt is due and that were not among those of this sweep.

        They were done or deleted by somebody else. Call it when the sweep has seen all its rows.
        """
        gone = [key for key in self.to_retry if key not in self._tried]
        if gone:
            found = SetAside.objects.filter(task=self.task, key__in=gone, retry_at__lte=self.now)
            found.delete()


def ids_in(keys: Iterable[str], prefix: str = "") -> list[int]:
    """Return the integers that follow ``prefix`` in those keys that begin with it."""
    rests = (key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    return [int(rest) for rest in rests if rest.isdecimal()]


def set_aside(
    task: str, key: str, error: Exception, now: datetime, *, retry_at: datetime | None = None
) -> None:
    """Keep that the row ``key`` of a task failed, and when it is to be tried again."""
    cause = f"{type(error).__name__}: {error}".replace("\x00", "")[:CAUSE_CHARACTERS]
    with transaction.atomic():
        row, is_new = SetAside.objects.select_for_update().get_or_create(
            task=task,
            key=key,
            defaults={
                "cause": cause, "failures": 1, "first_at": now, "last_at": now,
                "retry_at": retry_at or now + pause_after(1),
            },
        )  # fmt: skip
        if not is_new:
            SetAside.objects.filter(pk=row.pk).update(
                cause=cause,
                failures=F("failures") + 1,
                last_at=now,
                retry_at=retry_at or now + pause_after(row.failures + 1),
            )


def forget_set_aside(task: str, key: str) -> None:
    """Keep no longer that the row failed: it was mended, and the next sweep tries it at once."""
    SetAside.objects.filter(task=task, key=key).delete()


def pause_after(failures: int) -> timedelta:
    """Return how long a row rests after so many failures: 5 s, doubled each time, up to an hour."""
    return timedelta(
        seconds=min(FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 16), LONGEST_PAUSE_SECONDS)
    )


def try_now(set_aside_id: int, now: datetime) -> SetAside:
    """Let the next sweep try the row, and return what is kept of it. Raises: DoesNotExist."""
    row = SetAside.objects.get(pk=set_aside_id)
    row.retry_at = min(row.retry_at, now)
    row.save(update_fields=["retry_at"])
    return row


def list_set_aside(limit: int = 100) -> list[SetAside]:
    """Return what is set aside, the newest first: one query."""
    return list(SetAside.objects.order_by("-last_at")[:limit])
