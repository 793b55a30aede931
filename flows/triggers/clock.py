"""What the clock does for triggers: fire schedules, and delete old firings."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.urls import reverse

from flows.triggers.configs import ScheduleConfig
from flows.triggers.firing import ERROR_CHARACTERS, fire
from flows.triggers.models import Firing, FiringOutcome, Trigger, TriggerKind
from flows.triggers.schedules import Due
from workbench.dispatch.clock import Place, clock_task
from workbench.dispatch.outage import is_passing
from workbench.dispatch.sweeps import Sweep

logger = logging.getLogger(__name__)

SCHEDULE_BATCH = 20
KEEP_FIRINGS = timedelta(days=30)
PRUNE_BATCH = 1000


def find_triggers(keys: Sequence[str]) -> dict[str, Place]:
    found = Trigger.objects.filter(pk__in=keys).select_related("flow").defer("flow__draft")
    return {
        str(each.pk): Place(
            each.title or f"Schedule {each.pk}",
            reverse("flows:trigger-edit", args=[each.flow.name, each.pk]),
        )
        for each in found
    }


@clock_task("triggers.schedules", 0.5, "Fire a schedule", find_triggers)
def fire_schedules(now: datetime) -> bool:
    """Fire the schedules that are due. Return True if there may be more.

    The row is the lock and the instant the key, so each instant fires once in however many clocks.
    """
    sweep = Sweep("triggers.schedules", now)
    due = Trigger.objects.filter(kind=TriggerKind.SCHEDULE, enabled=True, next_at__lte=now)
    due = due.exclude(pk__in=sweep.ids_passed_over())
    due = due.select_related("flow").defer("flow__draft").order_by("next_at", "pk")
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        found = list(due.select_for_update(of=("self",), skip_locked=skip)[:SCHEDULE_BATCH])
        sweep.each(found, lambda trigger: _fire_due(trigger, now))
        if len(found) < SCHEDULE_BATCH:
            sweep.forget_gone()
    return len(found) == SCHEDULE_BATCH


def _fire_due(trigger: Trigger, now: datetime) -> None:
    schedule = ScheduleConfig.model_validate(trigger.config).schedule
    assert trigger.next_at is not None
    due = schedule.due(trigger.next_at, now)
    try:
        with transaction.atomic():
            _fire_instants(trigger, due, now)
    except Exception as error:
        if is_passing(error):
            raise
        # One that cannot be fired must not hold up the others; its instants are skipped.
        logger.exception("The schedule %s could not be fired", trigger.pk)
        text = f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS]
        _store_firing(trigger, FiringOutcome.REFUSED, text, trigger.next_at, now)
    Trigger.objects.filter(pk=trigger.pk).update(next_at=due.next_at)


def _fire_instants(trigger: Trigger, due: Due, now: datetime) -> None:
    if due.missed_from is not None:
        text = f"Missed from {due.missed_from.isoformat()} on; the policy leaves them out."
        _store_firing(trigger, FiringOutcome.SKIPPED, text, due.missed_from, now)
    for instant in due.fire:
        given = {"scheduled_at": instant.isoformat(), "fired_at": now.isoformat()}
        fire(trigger=trigger, key=instant.isoformat(), given=given, now=now, due_at=instant)


def _store_firing(
    trigger: Trigger, outcome: str, text: str, due_at: datetime, now: datetime
) -> None:
    Firing.objects.create(trigger=trigger, outcome=outcome, error=text, due_at=due_at, at=now)


@clock_task("triggers.prune", 3600, "Delete an old firing")
def prune_firings(now: datetime) -> bool:
    """Delete firings older than 30 days. A replayed webhook is too old long before that."""
    sweep = Sweep("triggers.prune", now)
    old = Firing.objects.filter(at__lt=now - KEEP_FIRINGS).exclude(pk__in=sweep.ids_passed_over())
    ids = list(old.values_list("pk", flat=True)[:PRUNE_BATCH])
    sweep.together(ids, lambda some: Firing.objects.filter(pk__in=some).delete(), key=str)
    if len(ids) < PRUNE_BATCH:
        sweep.forget_gone()
    return len(ids) == PRUNE_BATCH
