"""A bad row harms only itself: the others are done, and it is named and tried again later."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.utils import OperationalError

from workbench.dispatch.models import Outbox, SetAside
from workbench.dispatch.outbox import enqueue
from workbench.dispatch.sweeps import (
    AT_ONCE,
    LONGEST_PAUSE_SECONDS,
    PARTS,
    Sweep,
    forget_set_aside,
    list_set_aside,
    pause_after,
)

pytestmark = pytest.mark.django_db


def touch(row: Outbox) -> None:
    """Change the row, and fail afterwards if it is the bad one."""
    Outbox.objects.filter(pk=row.pk).update(last_error="touched")
    if row.job == "bad":
        raise ValueError("This row cannot be read.")


@pytest.fixture
def rows(now: datetime) -> list[Outbox]:
    return [enqueue(job, {}, now=now) for job in ("good", "bad", "good", "good")]


def test_the_others_are_done_and_the_bad_row_is_as_it_was(
    rows: list[Outbox], now: datetime
) -> None:
    assert Sweep("tests.touch", now).each(rows, touch) == 3
    assert Outbox.objects.filter(last_error="touched").count() == 3
    assert not Outbox.objects.get(job="bad").last_error


def test_the_bad_row_is_named_with_its_cause(rows: list[Outbox], now: datetime) -> None:
    Sweep("tests.touch", now).each(rows, touch)
    (kept,) = list_set_aside()
    assert (kept.task, kept.key) == ("tests.touch", str(rows[1].pk))
    assert kept.cause == "ValueError: This row cannot be read."


def test_the_bad_row_is_passed_over_until_its_next_attempt(
    rows: list[Outbox], now: datetime
) -> None:
    Sweep("tests.touch", now).each(rows, touch)
    bad = str(rows[1].pk)
    assert Sweep("tests.touch", now + timedelta(seconds=4)).passed_over == [bad]
    assert Sweep("tests.touch", now + timedelta(seconds=5)).passed_over == []
    assert Sweep("tests.other", now).passed_over == []


def test_each_failure_lengthens_the_pause_up_to_an_hour(rows: list[Outbox], now: datetime) -> None:
    for failures in range(1, 4):
        Sweep("tests.touch", now).each([rows[1]], touch)
        kept = SetAside.objects.get()
        assert kept.failures == failures
        assert kept.retry_at == now + pause_after(failures)
    assert pause_after(100).total_seconds() == LONGEST_PAUSE_SECONDS


def test_a_row_that_succeeds_is_no_longer_set_aside(rows: list[Outbox], now: datetime) -> None:
    Sweep("tests.touch", now).each([rows[1]], touch)
    Outbox.objects.filter(pk=rows[1].pk).update(job="good")
    rows[1].refresh_from_db()
    assert Sweep("tests.touch", now + timedelta(minutes=1)).each([rows[1]], touch) == 1
    assert not list_set_aside()


def test_a_database_that_is_away_is_no_rows_fault(rows: list[Outbox], now: datetime) -> None:
    def away(row: Outbox) -> None:
        raise OperationalError("server closed the connection")

    with pytest.raises(OperationalError):
        Sweep("tests.touch", now).each(rows, away)
    assert not list_set_aside()


def run_a_statement_that_fails(row: Outbox) -> None:
    """Have the database end the bad row's statement itself; it answers everything else."""
    with connection.cursor() as cursor:
        if row.job == "bad" and connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(10)")
        elif row.job == "bad":
            cursor.execute("SELECT no_such_function()")
    Outbox.objects.filter(pk=row.pk).update(last_error="touched")


def run_all(rows: Sequence[Outbox]) -> None:
    for row in rows:
        run_a_statement_that_fails(row)


def test_rows_that_fail_together_are_split_until_the_bad_one_is_alone(now: datetime) -> None:
    """A row beside the bad one is done about twice, and only those of its hundred."""
    rows, tried = list(range(1000)), []

    def act(some: Sequence[int]) -> None:
        tried.append(list(some))
        if 437 in some:
            raise ValueError("This row cannot be read.")

    sweep = Sweep("tests.touch", now)
    sweep.together(rows, act, key=str)
    assert [row.key for row in list_set_aside()] == ["437"]
    done = [row for some in tried if 437 not in some for row in some]
    assert sorted(done) == [row for row in rows if row != 437]
    assert sum(map(len, tried)) < 1000 + 1.3 * AT_ONCE
    assert len(tried) < 10 + 3 * PARTS


def test_rows_that_are_all_bad_are_all_found(now: datetime) -> None:
    def act(some: Sequence[int]) -> None:
        raise ValueError("These rows cannot be read.")

    Sweep("tests.touch", now).together(range(30), act, key=str)
    assert {row.key for row in list_set_aside()} == {str(row) for row in range(30)}


@pytest.mark.parametrize("way", ["each", "together"])
def test_a_statement_that_always_fails_is_its_rows_fault(
    rows: list[Outbox], now: datetime, way: str
) -> None:
    sweep = Sweep("tests.touch", now)
    if way == "each":
        sweep.each(rows, run_a_statement_that_fails)
    else:
        sweep.together(rows, run_all)
    assert [row.key for row in list_set_aside()] == [str(rows[1].pk)]
    assert Outbox.objects.filter(last_error="touched").count() == 3


def test_a_row_that_was_mended_is_forgotten_at_once(rows: list[Outbox], now: datetime) -> None:
    Sweep("tests.touch", now).each([rows[1]], touch)
    forget_set_aside("tests.touch", str(rows[1].pk))
    assert not list_set_aside()
    assert Sweep("tests.touch", now).passed_over == []
