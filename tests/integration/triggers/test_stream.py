"""Events of a Redis stream are taken once, and what is none is put aside."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.events.stream import GROUP, read_stream
from flows.models import Event
from workbench.dispatch.redis_broker import redis_client

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def test_entries_are_taken_acknowledged_and_put_aside(settings: Any, redis_url: str) -> None:
    settings.REDIS_URL, settings.EVENT_STREAM = redis_url, "test-events"
    client = redis_client(redis_url)
    client.delete("test-events", "test-events:dead")
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid", "data": 5}
    for fields in ({"event": json.dumps(event)}, {"event": "{no"}, {"event": json.dumps(event)}):
        client.xadd("test-events", fields)  # type: ignore[arg-type]
    read_stream(NOW)
    kept = Event.objects.get()
    assert (kept.name, kept.event_id, kept.payload) == ("order.paid", "/shop#1", 5)
    assert client.xpending("test-events", GROUP)["pending"] == 0
    assert client.xlen("test-events:dead") == 1
    read_stream(NOW)
    assert Event.objects.count() == 1
    client.close()


def test_without_a_stream_nothing_is_read(settings: Any) -> None:
    settings.REDIS_URL, settings.EVENT_STREAM = "redis://127.0.0.1:1", ""
    assert read_stream(NOW) is False
