"""A database that is away is told from a statement that failed; an outage is two lines."""

import sqlite3
from collections.abc import Callable
from threading import Barrier, Thread

import psycopg
import pytest
from django.db.utils import InterfaceError, OperationalError

from workbench.dispatch import outage, patience
from workbench.dispatch.outage import Outage, is_away, is_passing
from workbench.dispatch.patience import retry_while_away


def from_postgresql(state: str | None) -> OperationalError:
    error = OperationalError("as PostgreSQL says")
    error.__cause__ = psycopg.errors.lookup(state)() if state else psycopg.OperationalError()
    return error


def from_sqlite(code: int, text: str) -> OperationalError:
    error, cause = OperationalError(text), sqlite3.OperationalError(text)
    cause.sqlite_errorcode = code
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away", "passing"),
    [
        (OperationalError("no driver's error"), True, True),
        (InterfaceError("the connection is closed"), True, True),
        (psycopg.OperationalError("refused"), True, True),
        (from_postgresql(None), True, True),
        (from_postgresql("57P01"), True, True),
        (from_postgresql("53300"), True, True),
        (from_postgresql("08006"), True, True),
        (from_postgresql("40P01"), False, True),
        (from_postgresql("40001"), False, True),
        (from_postgresql("57014"), False, False),
        (from_postgresql("55P03"), False, False),
        (from_postgresql("54001"), False, False),
        (from_sqlite(sqlite3.SQLITE_BUSY, "database is locked"), True, True),
        (from_sqlite(sqlite3.SQLITE_FULL, "database or disk is full"), True, True),
        (from_sqlite(sqlite3.SQLITE_ERROR, "no such savepoint: s1"), True, True),
        (from_sqlite(sqlite3.SQLITE_ERROR, "no such function: f"), False, False),
        (from_sqlite(sqlite3.SQLITE_INTERRUPT, "interrupted"), False, False),
        (ValueError("no"), False, False),
    ],
)
def test_what_is_away_and_what_may_succeed_again(
    error: Exception, away: bool, passing: bool
) -> None:
    assert (is_away(error), is_passing(error)) == (away, passing)


def fail(watched: Outage, who: str, error: Exception | None = None) -> None:
    with pytest.raises(Exception), watched.watch(who):  # noqa: B017 - any
        raise error or OperationalError("gone")


def test_many_who_find_one_outage_make_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    watched = Outage()
    for who in ("the clock", "the heartbeat", "the clock", "the committer"):
        fail(watched, who)
    for who in ("the committer", "the clock", "another", "the heartbeat", "the clock"):
        with watched.watch(who):
            pass
    begun, ended = [each.getMessage() for each in caplog.records]
    assert "does not answer; the clock" in begun
    assert "answers again after" in ended


def test_an_attempt_from_before_the_end_begins_no_new_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = Outage()

    def ask_slowly() -> None:
        fail(watched, "quick")
        with watched.watch("quick"):
            pass
        raise OperationalError("gone")

    with pytest.raises(OperationalError), watched.watch("slow"):
        ask_slowly()
    assert len(caplog.records) == 2


def test_who_leaves_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    watched = Outage()
    fail(watched, "one")
    watched.leave("one")
    with watched.watch("two"):
        pass
    assert "answers again" in caplog.records[-1].getMessage()


def test_an_error_of_another_kind_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    watched = Outage()
    fail(watched, "one", ValueError())
    assert not caplog.records
    fail(watched, "one")
    fail(watched, "one", ValueError())
    assert "answers again" in caplog.records[-1].getMessage()


def fail_first(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def answer() -> str:
        if left:
            raise left.pop()
        return "done"

    return answer


def test_calls_that_wait_together_are_two_lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "reset_connection", lambda: None)
    together = Barrier(5)

    def ask(answer: Callable[[], str]) -> str:
        together.wait()  # each attempt begins when all have ended the one before
        return answer()

    answers = [fail_first(2, OperationalError("gone")) for _ in range(5)]
    threads = [Thread(target=retry_while_away, args=[ask, each]) for each in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [each for each in caplog.records if each.name in {outage.__name__, patience.__name__}]
    assert len(lines) == 2


def test_a_statement_that_fails_is_not_repeated() -> None:
    with pytest.raises(OperationalError):
        retry_while_away(fail_first(1, from_postgresql("57014")))
