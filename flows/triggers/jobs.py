"""The jobs of triggers: start flows at an event, and at the end of a run."""

from datetime import datetime
from typing import Any

from flows.expressions import ExpressionError, compile_expression
from flows.models import Event, Run
from flows.runtime.held import find_passed_on, get_event_gifts
from flows.runtime.payloads import fetch
from flows.triggers.firing import Cause, fire
from flows.triggers.models import Firing, Trigger, TriggerKind
from workbench.dispatch.registry import job

Json = Any


@job("flows.event_heard")
def start_at_event(args: dict[str, Any], now: datetime) -> None:
    """Start the flows whose triggers listen for the event and let it through."""
    event = Event.objects.filter(pk=args["event"]).first()
    if event is None:
        return
    given = {
        "id": event.event_id,
        "type": event.name,
        "subject": event.key,
        "data": event.payload,
        "received_at": event.received_at.isoformat(),
    }
    emitter = Run.objects.filter(pk=args["run"]).first() if args.get("run") else None
    for trigger in _list_listeners(TriggerKind.EVENT, event.name):
        if event.received_at >= trigger.listens_from and _passes(trigger, given):
            fire(
                trigger=trigger,
                key=event.event_id,
                given=given,
                now=now,
                cause=Cause(event.requested_by, get_event_gifts(event), emitter),
            )


def _passes(trigger: Trigger, given: Json) -> bool:
    """Return True if the trigger's filter lets the event through; one that fails does not."""
    source = trigger.config.get("filter")
    try:
        return not source or compile_expression(source, result=bool).evaluate({"input": given})
    except ExpressionError:
        return False


@job("flows.run_ended")
def start_at_end(args: dict[str, Any], now: datetime) -> None:
    """Start the flows whose triggers listen for this end of the run."""
    run = Run.objects.select_related("flow", "version").filter(pk=args["run"]).first()
    # The end of an agent, which is a part of its flow, is no end of the flow.
    if run is None or run.version.part:
        return
    status = args["status"]
    firing = Firing.objects.filter(run_id=run.pk).only("depth").first()
    for trigger in _list_listeners(TriggerKind.FLOW, run.flow.name):
        if _listens_for(trigger, run, status, args["at"]):
            given = _describe_end(run, status)
            fire(
                trigger=trigger,
                key=f"run-{run.pk}-{status}",
                given=given,
                now=now,
                depth=firing.depth + 1 if firing else 1,
                cause=Cause(run.requested_by, find_passed_on(run.pk, given), run),
            )


def _listens_for(trigger: Trigger, run: Run, status: str, at: str) -> bool:
    config = trigger.config
    if datetime.fromisoformat(at) < trigger.listens_from or status not in config["on"]:
        return False
    return not config["outcome"] or config["outcome"] == run.outcome


def _describe_end(run: Run, status: str) -> Json:
    return {
        "run": run.pk,
        "flow": run.flow.name,
        "version": run.version.number,
        "status": status,
        "outcome": run.outcome,
        "input": fetch(run.input),
        "output": run.output,
        "error": run.error,
    }


def _list_listeners(kind: str, name: str) -> Any:
    found = Trigger.objects.filter(kind=kind, listens_to=name, enabled=True)
    return found.select_related("flow").defer("flow__draft").order_by("pk")
