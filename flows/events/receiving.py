"""Receive an event: keep it, and resolve the waits for it."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Event, Wait
from flows.runtime.hearing import hears_event
from flows.services.runs import resolve_wait
from flows.store import get_store
from workbench.accounts.actors import Actor
from workbench.dispatch.outbox import enqueue
from workbench.dispatch.registry import job

Json = Any

LONGEST_NAME, LONGEST_KEY = 120, 200


def wait_key(name: str, key: str) -> str:
    """Return what a wait is found by. Cut short, two keys would be taken for one: digest it."""
    plain = f"{name}:{key}"
    return plain if len(plain) <= LONGEST_KEY else sha256(plain.encode()).hexdigest()


@transaction.atomic
def receive_event(
    *, name: str, key: str, payload: Json, event_id: str, actor: Actor, now: datetime
) -> list[int]:
    """Keep an event and resolve every wait for it; return the runs that go on.

    The same ``event_id`` a second time changes nothing and returns no run.
    """
    # Runs first, as everywhere: a run that opens its wait holds its own lock before this one.
    waits = Wait.objects.filter(kind="event", key=wait_key(name, key), state="open")
    get_store().lock_runs(waits.values_list("run_id", flat=True))
    get_store().lock_key(wait_key(name, key))
    event, is_new = Event.objects.get_or_create(
        event_id=event_id,
        defaults={"name": name, "key": key, "payload": payload, "received_at": now},
    )
    if not is_new:
        return []
    if hears_event(name):
        enqueue("flows.event_heard", {"event": event.pk}, now=now)
    resumed = []
    for wait in waits.order_by("run_id"):
        try:
            with transaction.atomic():
                output = {"event": name, "key": key, "payload": payload}
                resumed.append(
                    resolve_wait(wait_id=wait.pk, port="done", output=output, now=now, actor=actor)
                )
        except (WaitAlreadyResolved, RunNotActive):
            continue
    return resumed


@job("flows.event_emitted")
def event_emitted(args: dict[str, Any], now: datetime) -> None:
    event = {part: args[part] for part in ("name", "key", "payload", "event_id")}
    receive_event(**event, actor=Actor.system("engine"), now=now)
