"""Processes on machines whose clocks differ go by the database's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from flows.models import Worker
from flows.runtime.driver import Driver
from workbench.dispatch import agreed_time

pytestmark = pytest.mark.django_db(transaction=True)
OFF = timedelta(hours=1)
A_LITTLE = timedelta(seconds=20)


@pytest.fixture(autouse=True)
def clock_that_is_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + OFF)
    agreed_time.use_own_clock()
    yield
    agreed_time.use_own_clock()


def off_by(moment: datetime) -> timedelta:
    return abs(moment - datetime.now(UTC))


def test_the_databases_time_counts_where_machines_share_a_database() -> None:
    assert off_by(agreed_time.now()) > A_LITTLE, "nobody has agreed yet"
    agreed_time.ask_database()
    assert (off_by(agreed_time.now()) < A_LITTLE) == (connection.vendor == "postgresql")


def test_the_agreed_time_does_not_jump_with_the_own_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agreed_time.ask_database()
    before = agreed_time.now()
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) - OFF)
    jump = agreed_time.now() - before
    if connection.vendor == "postgresql":
        assert timedelta(0) <= jump < A_LITTLE
    else:
        assert abs(jump + 2 * OFF) < A_LITTLE, "SQLite is one machine, whose clock is the time"


def test_a_worker_whose_clock_is_off_beats_by_the_databases_time() -> None:
    driver = Driver()
    driver.start()
    try:
        beat_at = Worker.objects.get().beat_at
    finally:
        driver.stop(1)
    assert (off_by(beat_at) < A_LITTLE) == (connection.vendor == "postgresql")
