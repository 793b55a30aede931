"""Receive CloudEvents from a Redis stream, and acknowledge each after its commit."""

import logging
from datetime import datetime
from typing import Any

import redis
from django.conf import settings

from flows.events.cloudevents import STRUCTURED, EventMalformed, read_cloudevent
from flows.events.receiving import receive_event, shorten_key
from workbench.accounts.actors import Actor
from workbench.dispatch.clock import clock_task
from workbench.dispatch.redis_broker import redis_client
from workbench.dispatch.sweeps import Sweep

logger = logging.getLogger(__name__)

GROUP = "countersign"
CONSUMER = "clock"
BATCH = 100
# An entry that was not acknowledged for this long is read again, by another process.
ABANDONED_MS = 30_000
# One that was set aside is taken again unless another process has it in hand.
RETRIED_MS = 1_000
FIELD = b"event"

AWAY = (redis.ConnectionError, redis.TimeoutError)

Entry = tuple[bytes, dict[bytes, bytes]]


@clock_task("triggers.stream", 1.0, "Receive an event of the stream")
def read_stream(now: datetime) -> bool:
    """Receive a batch from the stream EVENT_STREAM. Return True if there may be more."""
    if not settings.REDIS_URL or not settings.EVENT_STREAM:
        return False
    client = redis_client(settings.REDIS_URL)
    try:
        return _read_batch(client, settings.EVENT_STREAM, now)
    except AWAY as error:
        logger.warning("The event stream cannot be reached: %s", error)
        return False
    finally:
        client.close()


def _read_batch(client: Any, stream: str, now: datetime) -> bool:
    _ensure_group(client, stream)
    sweep = Sweep("triggers.stream", now, away=AWAY)
    entries = _take_entries(client, stream, sweep)
    sweep.each(
        entries,
        lambda entry: _receive(client, stream, *entry, now),
        key=lambda entry: entry[0].decode(),
    )
    sweep.forget_gone()
    return len(entries) >= BATCH


def _take_entries(client: Any, stream: str, sweep: Sweep) -> list[Entry]:
    """Take what was set aside and is due again, what was abandoned, and what is new."""
    again = (
        client.xclaim(stream, GROUP, CONSUMER, RETRIED_MS, due) if (due := sweep.to_retry) else []
    )
    abandoned = client.xautoclaim(stream, GROUP, CONSUMER, ABANDONED_MS, count=BATCH)[1]
    fresh = client.xreadgroup(GROUP, CONSUMER, {stream: ">"}, count=BATCH) or []
    passed_over = {key.encode() for key in sweep.passed_over}
    entries = [*again, *abandoned, *(entry for _, found in fresh for entry in found)]
    return [entry for entry in entries if entry[0] and entry[0] not in passed_over]


def _ensure_group(client: Any, stream: str) -> None:
    try:
        # From the beginning: what was sent before the first clock ran counts too.
        client.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def _receive(
    client: Any, stream: str, entry_id: bytes, fields: dict[bytes, bytes] | None, now: datetime
) -> None:
    try:
        event = read_cloudevent(STRUCTURED, {}, (fields or {}).get(FIELD, b""))
    except EventMalformed as error:
        logger.warning("Entry %s of %s is no CloudEvent: %s", entry_id, stream, error)
        dead: dict[Any, Any] = {"entry": entry_id, "error": str(error), **(fields or {})}
        client.xadd(f"{stream}:dead", dead)
    else:
        receive_event(
            name=event.type,
            key=event.subject,
            payload=event.data,
            event_id=shorten_key(event.identity),
            former_id=shorten_key(event.former_identity),
            actor=Actor.system("event stream"),
            now=now,
        )
    client.xack(stream, GROUP, entry_id)
