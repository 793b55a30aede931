"""Queues and the SLA policies they promise by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from reviews.models import BreachAction, Queue, SlaPolicy, WorkCalendar
from reviews.ordering import ordering_from
from reviews.sla import plan_from
from workbench.audit.actors import Actor
from workbench.audit.services import record

Json = Any


def create_queue(
    *,
    name: str,
    title: str,
    actor: Actor,
    now: datetime,
    description: str = "",
    ordering: Mapping[str, float] | None = None,
    lease_seconds: int = 900,
    commit_window_seconds: int = 5,
) -> Queue:
    """Create a queue. Raises: ValueError on an unknown weight, IntegrityError on a known name."""
    ordering_from(ordering or {})
    with transaction.atomic():
        queue = Queue.objects.create(
            name=name,
            title=title,
            description=description,
            ordering=dict(ordering or {}),
            lease_seconds=lease_seconds,
            commit_window_seconds=commit_window_seconds,
            created_at=now,
        )
        record(
            action="queue.created",
            subject=("queue", name),
            actor=actor,
            payload={"title": title},
            now=now,
        )
    return queue


def create_sla_policy(
    *,
    name: str,
    title: str,
    calendar: Mapping[str, Json],
    due_minutes: int,
    steps: Sequence[Mapping[str, Json]],
    breach: BreachAction,
    queue: Queue,
    actor: Actor,
    now: datetime,
) -> SlaPolicy:
    """Create a policy, and its calendar if there is none of that name.

    ``calendar`` has a ``name`` and what reviews.sla.calendar_from reads. ``queue`` is where the
    ledger keeps the entry. Raises: ValueError naming what is wrong, IntegrityError on a known name.
    """
    with transaction.atomic():
        hours = {key: value for key, value in calendar.items() if key != "name"}
        kept, _ = WorkCalendar.objects.get_or_create(name=calendar["name"], defaults=hours)
        policy = SlaPolicy(
            name=name,
            title=title,
            calendar=kept,
            due_minutes=due_minutes,
            steps=[dict(step) for step in steps],
            breach=breach,
        )
        # A policy that cannot be read would fail each case it is meant for.
        plan_from(policy.snapshot())
        policy.save(force_insert=True)
        record(
            action="sla_policy.created",
            subject=("queue", queue.name),
            actor=actor,
            payload={"name": name, "title": title, **policy.snapshot()},
            now=now,
        )
    return policy
