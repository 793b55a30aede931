"""Doorbells over a real Redis, which may be away at any moment."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dramatiq
import pytest
from django.db import transaction
from dramatiq import Worker

from tests import servers
from tests.racing import at_once
from tests.waiting import until
from workbench.dispatch import broker as broker_module
from workbench.dispatch.jobs import resend
from workbench.dispatch.models import Outbox
from workbench.dispatch.outbox import enqueue
from workbench.dispatch.redis_broker import WakingRedisBroker, redis_client


@pytest.fixture
def heard(redis_url: str) -> Iterator[tuple[dramatiq.Actor[[str], None], list[tuple[str, float]]]]:
    """An actor on a worker over Redis, and what it heard when."""
    broker = WakingRedisBroker(url=f"{redis_url}/20", middleware=[])
    broker.client.flushdb()
    messages: list[tuple[str, float]] = []

    @dramatiq.actor(broker=broker)
    def note(text: str) -> None:
        messages.append((text, time.monotonic()))

    worker = Worker(broker, worker_timeout=1000, worker_threads=2)
    worker.start()
    yield note, messages
    worker.stop(timeout=5000)
    broker.client.close()


def test_an_idle_worker_hears_a_message_at_once(
    heard: tuple[dramatiq.Actor[[str], None], list[tuple[str, float]]],
) -> None:
    note, messages = heard
    delays = []
    for number in range(15):
        time.sleep(0.1)  # The worker goes idle, which is what is tested.
        sent_at = time.monotonic()
        note.send(str(number))
        until(
            lambda number=number: len(messages) > number,
            "the message",
            patience_seconds=5,
            pause_seconds=0.001,
        )
        delays.append(messages[number][1] - sent_at)

    assert [text for text, _ in messages] == [str(number) for number in range(15)]
    # Polling with back-off took 84 ms; the median leaves room for a busy machine.
    assert sorted(delays)[7] < 0.05


def test_a_burst_is_heard_whole(
    heard: tuple[dramatiq.Actor[[str], None], list[tuple[str, float]]],
) -> None:
    note, messages = heard
    for number in range(300):
        note.send(str(number))

    until(lambda: len(messages) >= 300, "all messages")

    assert sorted(int(text) for text, _ in messages) == list(range(300))


@pytest.fixture
def fresh_broker(settings: Any) -> Iterator[Any]:
    """The process's broker is made anew from the settings, and again after the test."""
    before = broker_module.get_broker()
    broker_module.get_broker.cache_clear()
    yield settings
    broker_module.get_broker.cache_clear()
    settings.REDIS_URL = ""
    broker_module._quiet_until = 0.0
    dramatiq.set_broker(before)


@pytest.mark.django_db(transaction=True)
def test_a_commit_succeeds_at_once_while_redis_is_away(fresh_broker: Any, now: datetime) -> None:
    fresh_broker.REDIS_URL = f"redis://127.0.0.1:{servers.free_port()}/0"

    began = time.monotonic()
    for _ in range(50):
        with transaction.atomic():
            enqueue("tests.unheard_of", {}, now=now)

    assert time.monotonic() - began < 10
    assert Outbox.objects.filter(attempts=0).count() == 50


@pytest.mark.django_db(transaction=True)
def test_a_commit_does_not_wait_for_a_redis_that_does_not_answer(
    fresh_broker: Any, now: datetime
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        fresh_broker.REDIS_URL = f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"
        began = time.monotonic()
        for _ in range(20):
            with transaction.atomic():
                enqueue("tests.unheard_of", {}, now=now)

    assert time.monotonic() - began < 10
    assert Outbox.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_row_deliver_it_once(now: datetime) -> None:
    from workbench.dispatch import registry
    from workbench.dispatch.delivery import deliver
    from workbench.dispatch.outbox import enqueue

    ran: list[int] = []

    def slow(args: dict[str, Any], at: datetime) -> None:
        ran.append(args["outbox_id"])
        time.sleep(0.2)  # Long enough for the others to find the row taken.

    registry._handlers["tests.slow"] = slow
    row = enqueue("tests.slow", {}, now=now)
    at_once(lambda _: deliver(row.pk, now), 4)
    del registry._handlers["tests.slow"]

    assert ran == [row.pk]
    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_redis_forgot_is_sent_again_at_the_next_tick(
    fresh_broker: Any, redis_url: str, now: datetime
) -> None:
    fresh_broker.REDIS_URL = f"{redis_url}/21"
    client = redis_client(fresh_broker.REDIS_URL)
    client.flushdb()
    resend(now)
    enqueue("tests.unheard_of", {}, now=now)
    # It was sent, and has five seconds to be delivered.
    soon = now + timedelta(seconds=1)
    resend(soon)
    assert client.llen("dramatiq:jobs") == 1
    client.flushdb()
    resend(soon)
    assert client.llen("dramatiq:jobs") == 1
    # Once for each loss.
    resend(soon)
    assert client.llen("dramatiq:jobs") == 1
    client.close()
