"""Receive an event: store it, and resolve the waits for it."""

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import JSONField, Value

from flows.engine.errors import RunNotActive, WaitAlreadyResolved
from flows.models import Event, Run, Wait
from flows.runtime.hearing import hears_event
from flows.runtime.held import get_event_gifts, give_artifacts
from flows.runtime.labels import NOTHING, Label, Labels
from flows.services.asking import add_requesters
from flows.services.runs import resolve_wait
from flows.store import get_store
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.dispatch.outbox import enqueue
from workbench.dispatch.registry import job

Json = Any

LONGEST_NAME, LONGEST_KEY = 120, 200


def shorten_key(key: str) -> str:
    """Return the key, or its digest where it is too long to be stored whole."""
    return key if len(key) <= LONGEST_KEY else f"sha256:{sha256(key.encode()).hexdigest()}"


def make_wait_key(name: str, key: str) -> str:
    """Return the key that a wait for the event has, or its digest where that is too long."""
    plain = f"{name}:{key}"
    return plain if len(plain) <= LONGEST_KEY else sha256(plain.encode()).hexdigest()


@transaction.atomic
def receive_event(
    *, name: str, key: str, payload: Json, event_id: str, actor: Actor, now: datetime,
    former_id: str = "", artifacts: Labels = NOTHING, asked_by: Collection[int] | None = None,
    emitted_by: int | None = None,
) -> list[int]:  # fmt: skip
    """Store an event and resolve every wait for it; return the runs that go on.

    ``artifacts`` are those that its sender passes on to whoever hears it. ``asked_by`` are
    the users behind it; without it, the person who sends it. ``emitted_by`` is the run that
    emitted it, which leads to the runs that the event starts.

    A second event with the same ``event_id`` changes nothing and returns no run, nor does the same
    event that was kept as ``former_id`` by an earlier release.
    """
    # Runs are locked first, as everywhere: a run that opens its wait locks itself before the key.
    waits = Wait.objects.filter(kind="event", key=make_wait_key(name, key), state="open")
    get_store().lock_runs(waits.values_list("run_id", flat=True))
    get_store().lock_key(make_wait_key(name, key))
    if former_id not in {"", event_id} and _was_kept(former_id, name, key, payload):
        return []
    event, is_new = Event.objects.get_or_create(
        event_id=event_id,
        defaults={
            "name": name,
            "key": key,
            # As a value, None is JSON's null; by itself it would be a column without one.
            "payload": Value(None, JSONField()) if payload is None else payload,
            "artifacts": list(artifacts),
            "labels": {each: [said.name, said.media_type] for each, said in artifacts.items()},
            "received_at": now,
            "requested_by": _list_senders(actor) if asked_by is None else list(asked_by),
        },
    )
    if not is_new:
        return []
    if actor.kind != "system":
        _record_sending(event, actor, now)
    if hears_event(name):
        enqueue("flows.event_heard", {"event": event.pk, "run": emitted_by}, now=now)
    event.payload = payload
    meant = [wait for wait in waits.order_by("run_id") if _waits_for(wait, event)]
    resumed = [_resolve(wait, event, actor, now) for wait in meant]
    return [run_id for run_id in resumed if run_id is not None]


def _list_senders(actor: Actor) -> list[int]:
    return [] if actor.person_id is None else [actor.person_id]


def _record_sending(event: Event, actor: Actor, now: datetime) -> None:
    """Record who sent it. What runs emit, and streams bring, is in the journals alone."""
    payload = {"name": event.name, "key": event.key, "id": event.event_id}
    subject = ("event", str(event.pk))
    record(action="event.sent", subject=subject, actor=actor, payload=payload, now=now)


def _was_kept(event_id: str, name: str, key: str, payload: Json) -> bool:
    """Return whether the event is there; the id alone may be that of another one."""
    kept = Event.objects.filter(event_id=event_id, name=name, key=key).first()
    return kept is not None and kept.payload == payload


def _waits_for(wait: Wait, event: Event) -> bool:
    """Return whether the wait is for the event: ``a:b``, ``c`` has the key of ``a``, ``b:c``.

    A wait that was opened by an earlier release does not say what it is for.
    """
    named = (wait.detail.get("event", event.name), wait.detail.get("key", event.key))
    return named == (event.name, event.key)


def _resolve(wait: Wait, event: Event, actor: Actor, now: datetime) -> int | None:
    """Return the run that goes on, or None if its wait was resolved or cancelled meanwhile."""
    output = {"event": event.name, "key": event.key, "payload": event.payload}
    try:
        with transaction.atomic():
            pass_to_run(wait.run_id, event)
            return resolve_wait(wait_id=wait.pk, port="done", output=output, now=now, actor=actor)
    except (WaitAlreadyResolved, RunNotActive):
        return None


def pass_to_run(run_id: int, event: Event) -> None:
    """Let a run that hears the event hold its artifacts, and have been asked for by its senders.

    What is decided later in the run may be what the event says.
    """
    give_artifacts(run_id, get_event_gifts(event))
    add_requesters(run_id, event.requested_by)


@job("flows.event_emitted")
def receive_emitted_event(args: dict[str, Any], now: datetime) -> None:
    """Receive the event that a step of a run emitted."""
    event = {part: args[part] for part in ("name", "key", "payload", "event_id")}
    # A message of an earlier release says neither which run emitted it nor what it hands over.
    run_id = args.get("run")
    emitter = Run.objects.filter(pk=run_id or 0).only("requested_by").first()
    receive_event(
        **event,
        artifacts={
            each: Label(*args.get("labels", {}).get(each, ())) for each in args.get("artifacts", ())
        },
        asked_by=emitter.requested_by if emitter else (),
        emitted_by=run_id,
        actor=Actor.system("engine"),
        now=now,
    )
