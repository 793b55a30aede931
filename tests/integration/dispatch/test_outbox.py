from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext
from dramatiq.brokers.stub import StubBroker

from workbench.dispatch import delivery, patience, registry
from workbench.dispatch.broker import get_broker
from workbench.dispatch.delivery import LEASE, MAX_ATTEMPTS, _claim, backoff, deliver, process_name
from workbench.dispatch.models import Outbox
from workbench.dispatch.outbox import (
    enqueue,
    release_claims,
    release_claims_except,
    release_claims_of,
    resend_due,
    revive_jobs,
)
from workbench.dispatch.registry import job

pytestmark = pytest.mark.django_db

Calls = list[dict[str, Any]]


@pytest.fixture
def calls() -> Iterator[Calls]:
    seen: Calls = []

    def note(args: dict[str, Any], now: datetime) -> None:
        seen.append(args)
        if args.get("fail"):
            raise RuntimeError(args["fail"])
        during = args.get("during")
        if during:
            deliver(args["outbox_id"], now)

    registry._handlers["tests.note"] = note
    yield seen
    del registry._handlers["tests.note"]


def test_a_delivered_job_leaves_no_row(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {"case": 7}, now=now)

    assert deliver(row.pk, now)

    assert calls == [{"case": 7, "outbox_id": row.pk}]
    assert not Outbox.objects.exists()


def test_a_repeated_message_finds_nothing_to_do(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {}, now=now)
    deliver(row.pk, now)

    assert not deliver(row.pk, now)
    assert len(calls) == 1


def test_two_deliveries_never_run_at_once(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {"during": True}, now=now)

    deliver(row.pk, now)

    assert len(calls) == 1


def test_a_delivery_is_taken_over_when_its_lease_has_ended(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {}, now=now)
    Outbox.objects.filter(pk=row.pk).update(attempts=1, claimed_at=now, due_at=now + LEASE)

    assert not deliver(row.pk, now + LEASE / 2)
    assert deliver(row.pk, now + LEASE)


def test_a_failure_backs_off_and_keeps_its_error(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {"fail": "mail server said no"}, now=now)

    deliver(row.pk, now)

    row.refresh_from_db()
    assert row.last_error == "RuntimeError: mail server said no"
    assert (row.due_at, row.ring_at) == (now + backoff(1), now + backoff(1))
    assert not deliver(row.pk, now + timedelta(seconds=1))


def test_a_job_is_dead_after_its_last_attempt_and_can_be_revived(
    calls: Calls, now: datetime
) -> None:
    row = enqueue("tests.note", {"fail": "no"}, now=now)
    at = now
    for _ in range(MAX_ATTEMPTS):
        deliver(row.pk, at)
        at += timedelta(days=1)

    assert [dead.pk for dead in Outbox.objects.exclude(dead_at=None)] == [row.pk]
    assert not deliver(row.pk, at)

    assert revive_jobs([row.pk], now=at) == 1
    assert deliver(row.pk, at)
    assert len(calls) == MAX_ATTEMPTS + 1


def test_a_job_that_nobody_handles_fails_with_its_name(now: datetime) -> None:
    row = enqueue("tests.unheard_of", {}, now=now)

    deliver(row.pk, now)

    row.refresh_from_db()
    assert "tests.unheard_of" in row.last_error


def test_a_late_failure_does_not_touch_a_newer_delivery(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {}, now=now)

    @job("tests.overtaken")
    def overtaken(args: dict[str, Any], at: datetime) -> None:
        Outbox.objects.filter(pk=args["outbox_id"]).update(attempts=5)
        raise RuntimeError("too late")

    Outbox.objects.filter(pk=row.pk).update(job="tests.overtaken")
    deliver(row.pk, now)

    row.refresh_from_db()
    assert row.last_error == ""


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    ids: list[int] = []
    monkeypatch.setattr("workbench.dispatch.outbox.ring", ids.extend)
    return ids


def test_a_message_is_sent_on_commit_only(
    rung: list[int], now: datetime, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        row = enqueue("tests.note", {}, now=now)
        assert rung == []

    assert rung == [row.pk]


def test_the_clock_rings_for_what_was_lost_or_delayed_once_each(
    rung: list[int], now: datetime
) -> None:
    lost = enqueue("tests.note", {}, now=now - timedelta(minutes=1))
    delayed = enqueue("tests.note", {}, now=now, delay_seconds=600)
    enqueue("tests.note", {}, now=now)

    assert not resend_due(now)
    assert rung == [lost.pk]
    resend_due(now)
    assert rung == [lost.pk]
    resend_due(now + timedelta(minutes=10))
    assert delayed.pk in rung


def test_a_new_start_gives_back_what_the_dead_process_held(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {}, now=now)
    Outbox.objects.filter(pk=row.pk).update(attempts=1, claimed_at=now, due_at=now + LEASE)

    assert release_claims(now) == 1
    assert deliver(row.pk, now)


def test_what_a_dead_process_was_delivering_is_given_back_at_once(
    calls: Calls, rung: list[int], now: datetime
) -> None:
    row, other = (enqueue("tests.note", {}, now=now) for _ in range(2))
    held = {"attempts": 1, "claimed_at": now, "due_at": now + LEASE, "ring_at": now + LEASE}
    Outbox.objects.filter(pk=row.pk).update(**held, claimed_by="gone:1")
    Outbox.objects.filter(pk=other.pk).update(**held, claimed_by="here:2")

    assert release_claims_of([], now) == 0
    assert release_claims_of(["gone:1"], now) == 1
    resend_due(now)
    assert rung == [row.pk]
    assert not deliver(other.pk, now)
    assert deliver(row.pk, now)


def test_what_a_process_claimed_that_nobody_knows_is_given_back(now: datetime) -> None:
    unknown, known, fresh = (enqueue("tests.note", {}, now=now) for _ in range(3))
    held = {"attempts": 1, "due_at": now + LEASE, "ring_at": now + LEASE}
    before = now - timedelta(seconds=9)
    for row, name, at in ((unknown, "gone:1", before), (known, "here:2", before)):
        Outbox.objects.filter(pk=row.pk).update(**held, claimed_by=name, claimed_at=at)
    Outbox.objects.filter(pk=fresh.pk).update(**held, claimed_by="new:3", claimed_at=now)

    lease_began = now - timedelta(seconds=8)
    assert release_claims_except(["here:2"], claimed_before=lease_began, now=now) == 1
    unknown.refresh_from_db()
    assert (unknown.claimed_by, unknown.ring_at) == ("", now)


def test_a_claim_whose_answer_was_lost_is_made_again(
    calls: Calls, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = enqueue("tests.note", {}, now=now)
    claim, lost = _claim, [OperationalError("server closed the connection")]

    def claiming(*args: Any, **options: Any) -> Any:
        made = claim(*args, **options)
        if lost:
            raise lost.pop()
        return made

    monkeypatch.setattr(delivery, "_claim", claiming)
    monkeypatch.setattr(patience, "reset_connection", lambda: None)
    assert deliver(row.pk, now)
    assert len(calls) == 1
    assert not Outbox.objects.exists()


def test_a_job_that_found_the_database_away_is_tried_again_at_once(now: datetime) -> None:
    def away(args: dict[str, Any], now: datetime) -> None:
        raise OperationalError("server closed the connection")

    registry._handlers["tests.away"] = away
    row = enqueue("tests.away", {}, now=now)
    deliver(row.pk, now)
    del registry._handlers["tests.away"]
    row.refresh_from_db()
    assert row.ring_at - now <= timedelta(seconds=2)


def test_a_delivery_says_which_process_makes_it(calls: Calls, now: datetime) -> None:
    row = enqueue("tests.note", {"fail": "as asked"}, now=now)
    with CaptureQueriesContext(connection) as queries:
        deliver(row.pk, now)
    assert any(process_name() in query["sql"] for query in queries)
    assert Outbox.objects.get(pk=row.pk).claimed_by == ""


def test_messages_for_one_row_come_further_and_further_apart(
    rung: list[int], now: datetime
) -> None:
    row = enqueue("tests.note", {}, now=now)
    for second in range(60):
        resend_due(now + timedelta(seconds=second))
    assert rung == [row.pk] * 4, "after 5, 10, 20 and 40 s"


def test_the_broker_is_in_process_unless_redis_is_configured(settings: Any) -> None:
    assert isinstance(get_broker(), StubBroker) != bool(settings.REDIS_URL)
