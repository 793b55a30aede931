"""Events: things that happen and that runs wait for, correlated by name and key.

An event and a wait for it may come in either order and at the same moment. Both take the lock of
their name and key first, so that one of them always sees the other.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.db import transaction
from pydantic import Field

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Event, Wait
from flows.services.runs import resolve_wait
from flows.steps.base import Opened, Result, StepConfig, StepContext, WaitingStep, text_of
from flows.steps.registry import register
from flows.store import get_store
from flows.triggers.models import Trigger, TriggerKind
from workbench.audit.actors import Actor
from workbench.dispatch import enqueue, job

Json = Any


LONGEST_NAME, LONGEST_KEY = 120, 200


def _wait_key(name: str, key: str) -> str:
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
    waits = Wait.objects.filter(kind="event", key=_wait_key(name, key), state="open")
    get_store().lock_runs(waits.values_list("run_id", flat=True))
    get_store().lock_key(_wait_key(name, key))
    event, is_new = Event.objects.get_or_create(
        event_id=event_id,
        defaults={"name": name, "key": key, "payload": payload, "received_at": now},
    )
    if not is_new:
        return []
    if Trigger.objects.filter(kind=TriggerKind.EVENT, listens_to=name, enabled=True).exists():
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


class _EventConfig(StepConfig):
    event: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        title="Event",
        description="Its name.",
        examples=["payment.received"],
    )
    key: str = Field(
        "",
        max_length=LONGEST_KEY,
        title="Key",
        description="What ties the event to this run, such as an order number.",
        examples=["${ input.order }"],
    )


@register
class WaitForEvent(WaitingStep):
    name = "event.wait"
    title = "Wait for an event"
    summary = "Waits until something happens"
    icon = "inbox"
    category = "Events"

    class Config(_EventConfig):
        within_seconds: float | None = Field(
            None, gt=0, title="Within (seconds)", description="Past this it leaves by `late`."
        )
        earlier_seconds: float = Field(
            0,
            ge=0,
            title="Accept earlier (seconds)",
            description="An event that came so long before the wait counts too.",
        )

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("done", "late") if config.get("within_seconds") else ("done",)

    def describe(self, config: Mapping[str, Json]) -> str:
        return f"Waits for {text_of(config.get('event'))}" if config.get("event") else self.summary

    def open(self, ctx: StepContext, config: Config) -> Opened:
        key = _wait_key(config.event, config.key)
        get_store().lock_key(key)
        since = ctx.now - timedelta(seconds=config.earlier_seconds)
        earlier = Event.objects.filter(
            name=config.event, key=config.key, received_at__gte=since
        ).order_by("received_at")
        found = earlier.first() if config.earlier_seconds else None
        if found is not None:
            output = {"event": found.name, "key": found.key, "payload": found.payload}
            return Opened("event", resolved=Result(output))
        due_at = None
        if config.within_seconds is not None:
            due_at = ctx.now + timedelta(seconds=config.within_seconds)
        return Opened("event", key=key, due_at=due_at, due_port="late")


@register
class EmitEvent(WaitingStep):
    """Waits for nothing: being a waiting step puts the event into the step's own transaction."""

    name = "event.emit"
    title = "Emit an event"
    summary = "Tells other runs that something happened"
    icon = "send"
    category = "Events"

    class Config(_EventConfig):
        payload: Json = Field(default_factory=dict, title="Payload")

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        return True

    def describe(self, config: Mapping[str, Json]) -> str:
        return f"Emits {text_of(config.get('event'))}" if config.get("event") else self.summary

    def open(self, ctx: StepContext, config: Config) -> Opened:
        event = {
            "name": config.event,
            "key": config.key,
            "payload": config.payload,
            "event_id": ctx.idempotency_key or str(uuid4()),
        }
        # Other runs are locked in a transaction of its own: this one holds its own run's lock.
        enqueue("flows.event_emitted", event, now=ctx.now)
        return Opened("event", resolved=Result({"event": config.event, "key": config.key}))


@job("flows.event_emitted")
def event_emitted(args: dict[str, Any], now: datetime) -> None:
    event = {part: args[part] for part in ("name", "key", "payload", "event_id")}
    receive_event(**event, actor=Actor.system("engine"), now=now)
