"""The step types that wait for an event and emit one. Its name and key select the waits.

An event and a wait for it may come in either order and at the same moment. Both lock their name
and key first, so that one of them always sees the other.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pydantic import Field

from flows.events.receiving import LONGEST_KEY, LONGEST_NAME, make_wait_key, pass_to_run
from flows.graph.model import Step
from flows.graph.reaching import Reaching, is_own_event
from flows.models import Event
from flows.runtime.held import find_passed_on
from flows.steps.base import Opened, Result, StepConfig, StepContext, WaitingStep, text_of
from flows.steps.registry import register
from flows.store import get_store
from workbench.dispatch.outbox import enqueue

Json = Any


class EventStepConfig(StepConfig):
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

    class Config(EventStepConfig):
        within_seconds: float | None = Field(
            None, gt=0, title="Within (seconds)", description="After this the run leaves by `late`."
        )
        earlier_seconds: float = Field(
            0,
            ge=0,
            title="Accept earlier (seconds)",
            description="An event that came at most this long before the wait counts too.",
        )

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("done", "late") if config.get("within_seconds") else ("done",)

    def describe(self, config: Mapping[str, Json]) -> str:
        return f"Waits for {text_of(config.get('event'))}" if config.get("event") else self.summary

    def open(self, ctx: StepContext, config: Config) -> Opened:
        key = make_wait_key(config.event, config.key)
        get_store().lock_key(key)
        earlier = self._find_earlier(ctx, config) if config.earlier_seconds else None
        if earlier is not None:
            pass_to_run(ctx.run_id, earlier)
            output = {"event": earlier.name, "key": earlier.key, "payload": earlier.payload}
            return Opened("event", resolved=Result(output))
        due_at = None
        if config.within_seconds is not None:
            due_at = ctx.now + timedelta(seconds=config.within_seconds)
        match = {"event": config.event, "key": config.key}
        return Opened("event", key=key, match=match, due_at=due_at, due_port="late")

    def _find_earlier(self, ctx: StepContext, config: Config) -> Event | None:
        since = ctx.now - timedelta(seconds=config.earlier_seconds)
        events = Event.objects.filter(name=config.event, key=config.key, received_at__gte=since)
        return events.order_by("received_at").first()


@register
class EmitEvent(WaitingStep):
    """A waiting step that waits for nothing: so the event is part of the step's transaction."""

    name = "event.emit"
    title = "Emit an event"
    summary = "Tells other runs that something happened"
    icon = "send"
    category = "Events"

    class Config(EventStepConfig):
        payload: Json = Field(default_factory=dict, title="Payload")

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        return True

    def reaches(self, flow: str, step: Step) -> Sequence[Reaching]:
        """Any flow may wait for any event; one that bears this flow's name is meant to be heard."""
        event = step.config.get("event")
        if not isinstance(event, str) or is_own_event(flow, event):
            return ()
        what = f"Step {step.id} emits the event `{event}`, which may be meant for other flows"
        instead = f"Rename it to begin with `{flow}.`"
        return (Reaching(step.id, "with.event", ("events.send",), "", what, instead),)

    def describe(self, config: Mapping[str, Json]) -> str:
        return f"Emits {text_of(config.get('event'))}" if config.get("event") else self.summary

    def open(self, ctx: StepContext, config: Config) -> Opened:
        handed_over = find_passed_on(ctx.run_id, config.payload)
        event = {
            "name": config.event,
            "key": config.key,
            "payload": config.payload,
            "event_id": ctx.idempotency_key or str(uuid4()),
            "artifacts": sorted(handed_over),
            "labels": {each: [said.name, said.media_type] for each, said in handed_over.items()},
            "run": ctx.run_id,
        }
        # Receiving it locks other runs, and this transaction has locked its own run already.
        enqueue("flows.event_emitted", event, now=ctx.now)
        return Opened("event", resolved=Result({"event": config.event, "key": config.key}))
