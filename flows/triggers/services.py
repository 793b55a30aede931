"""Add, change, turn on and off, and remove triggers, each with its ledger entry."""

import base64
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from flows.models import Flow
from flows.services.errors import OtherFlowOutOfReach, ServiceError
from flows.services.other_flows import check_reaching
from flows.triggers.configs import (
    EventConfig,
    FlowConfig,
    ScheduleConfig,
    TriggerInvalid,
    check_input,
    read_config,
)
from flows.triggers.hearing import list_hearing
from flows.triggers.models import Trigger, TriggerKind
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.dispatch.sweeps import forget_set_aside
from workbench.live import nudge_on_commit
from workbench.secrets.services import SecretUnknown, delete_secret, set_secret
from workbench.secrets.uses import webhook_use

__all__ = [
    "AddedTrigger",
    "TriggerInvalid",
    "TriggerUnknown",
    "change_trigger",
    "create_trigger",
    "delete_trigger",
    "set_trigger_enabled",
]

Json = Any
SECRET_BYTES = 32
# The task of the clock that sets schedules aside (flows.triggers.clock).
SCHEDULES = "triggers.schedules"
LONGEST_TITLE = 120
# Workers learn within a second that a trigger listens to a flow (flows.triggers.listening).
LISTENS_AFTER = timedelta(seconds=2)


class TriggerUnknown(ServiceError):
    """The flow has no such trigger."""


@dataclass(frozen=True, slots=True)
class AddedTrigger:
    """A new trigger. ``secret`` signs a webhook's messages, and is shown this once."""

    trigger: Trigger
    secret: str = ""


@transaction.atomic
def create_trigger(
    *,
    flow: Flow,
    kind: str,
    title: str,
    config: Json,
    actor: Actor,
    now: datetime,
    input: Json = "${ input }",
    enabled: bool = True,
) -> AddedTrigger:
    """Add a trigger. Raises: TriggerInvalid."""
    trigger = Trigger(flow=flow, kind=kind, created_at=now, created_by=actor.name[:150])
    secret = ""
    _configure(trigger, title, config, input, enabled, now)
    _check_hearing(trigger, actor)
    if kind == TriggerKind.WEBHOOK:
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        trigger.secret_name = f"webhook_{trigger.public_id.hex}"
        uses = [webhook_use(flow.name)]
        set_secret(name=trigger.secret_name, value=secret, uses=uses, actor=actor, now=now)
    trigger.save()
    _record("trigger.created", trigger, actor, now)
    return AddedTrigger(trigger, secret)


@transaction.atomic
def change_trigger(
    *, trigger_id: int, title: str, config: Json, input: Json, actor: Actor, now: datetime
) -> Trigger:
    """Replace what a trigger does and is called. Raises: TriggerUnknown, TriggerInvalid."""
    trigger = _lock_trigger(trigger_id)
    _configure(trigger, title, config, input, trigger.enabled, now)
    _check_hearing(trigger, actor)
    trigger.save()
    forget_set_aside(SCHEDULES, str(trigger.pk))
    _record("trigger.changed", trigger, actor, now)
    return trigger


@transaction.atomic
def set_trigger_enabled(*, trigger_id: int, enabled: bool, actor: Actor, now: datetime) -> Trigger:
    """Turn a trigger on or off. What came while it was off is not made up for.

    Raises: TriggerUnknown, TriggerInvalid.
    """
    trigger = _lock_trigger(trigger_id)
    if trigger.enabled != enabled:
        _configure(trigger, trigger.title, trigger.config, trigger.input, enabled, now)
        if enabled:
            _check_hearing(trigger, actor)
        trigger.save()
        forget_set_aside(SCHEDULES, str(trigger.pk))
        _record("trigger.enabled" if enabled else "trigger.disabled", trigger, actor, now)
    return trigger


@transaction.atomic
def delete_trigger(*, trigger_id: int, actor: Actor, now: datetime) -> None:
    """Remove a trigger, its firings and its secret; the runs it started stay.

    Raises: TriggerUnknown.
    """
    trigger = _lock_trigger(trigger_id)
    _record("trigger.deleted", trigger, actor, now)
    forget_set_aside(SCHEDULES, str(trigger.pk))
    if trigger.secret_name:
        # An admin may have deleted it already.
        with suppress(SecretUnknown):
            delete_secret(name=trigger.secret_name, actor=actor, now=now)
    trigger.delete()


def _lock_trigger(trigger_id: int) -> Trigger:
    found = Trigger.objects.select_for_update(of=("self",)).select_related("flow")
    trigger = found.filter(pk=trigger_id).first()
    if trigger is None:
        raise TriggerUnknown(f"There is no trigger {trigger_id}.", "Look at the flow's triggers.")
    return trigger


def _configure(
    trigger: Trigger, title: str, config: Json, input: Json, enabled: bool, now: datetime
) -> None:
    parsed = read_config(trigger.kind, config)
    check_input(input)
    if not title.strip() or len(title) > LONGEST_TITLE:
        raise TriggerInvalid(
            "title", f"A trigger needs a title of at most {LONGEST_TITLE} characters."
        )
    trigger.title, trigger.input = title.strip(), input
    trigger.config = parsed.model_dump(mode="json")
    trigger.enabled, trigger.changed_at = enabled, now
    trigger.listens_to, trigger.next_at = "", None
    trigger.listens_from = now + LISTENS_AFTER
    if isinstance(parsed, ScheduleConfig):
        trigger.next_at = parsed.schedule.after(now) if enabled else None
    elif isinstance(parsed, EventConfig):
        trigger.listens_to, trigger.listens_from = parsed.event, now
    elif isinstance(parsed, FlowConfig):
        if not Flow.objects.filter(name=parsed.flow).exists():
            raise TriggerInvalid("flow", f"There is no flow {parsed.flow!r}.")
        trigger.listens_to = parsed.flow


def _check_hearing(trigger: Trigger, actor: Actor) -> None:
    """Raises: TriggerInvalid for the ends of a flow whose runs the actor may not see."""
    try:
        check_reaching(list_hearing(trigger), actor)
    except OtherFlowOutOfReach as error:
        raise TriggerInvalid("flow", str(error)) from error


def _record(action: str, trigger: Trigger, actor: Actor, now: datetime) -> None:
    record(
        action=action,
        subject=("flow", trigger.flow.name),
        actor=actor,
        payload={"kind": trigger.kind, "title": trigger.title, "config": trigger.config},
        now=now,
    )
    nudge_on_commit([f"flow.{trigger.flow.name}"], {"trigger": trigger.pk or 0})
