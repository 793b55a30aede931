"""Save SLA policies and the calendars in which they count."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from reviews.errors import SettingsInvalid
from reviews.models import BreachAction, Queue, SlaPolicy, WorkCalendar
from reviews.rules.sla import (
    PERSON,
    TO_QUEUE,
    find_calendar_problems,
    find_policy_problems,
    read_plan,
)
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.http.addresses import RESERVED, is_reserved

Json = Any


def save_calendar(
    *, name: str, values: Mapping[str, Json], actor: Actor, now: datetime
) -> WorkCalendar:
    """Create a calendar, or change it. Open cases keep the calendar they were opened under.

    Raises: SettingsInvalid.
    """
    problems = find_calendar_problems(values)
    if is_reserved("reviews:calendar", name) and not WorkCalendar.objects.filter(name=name):
        problems["name"] = RESERVED
    if problems:
        raise SettingsInvalid(problems)
    fields = {
        each: values[each] for each in ("time_zone", "hours", "country", "subdivision", "closed")
    }
    with transaction.atomic():
        calendar, created = WorkCalendar.objects.update_or_create(name=name, defaults=fields)
        record(
            action="calendar.created" if created else "calendar.changed",
            subject=("queue", f"calendar:{name}"),
            actor=actor,
            payload=calendar.snapshot(),
            now=now,
        )
    return calendar


def save_sla_policy(
    *, name: str, values: Mapping[str, Json], actor: Actor, now: datetime
) -> SlaPolicy:
    """Create a policy, or change it. Open cases keep the policy they were opened under.

    ``values``: ``{title, calendar: WorkCalendar, due_minutes, steps, breach}``.

    Raises: SettingsInvalid.
    """
    problems = find_policy_problems(values)
    if unknown := _unknown_targets(values.get("steps") or ()):
        problems.setdefault("steps", f"There is no {unknown}: choose whom the step addresses.")
    if is_reserved("reviews:policy", name) and not SlaPolicy.objects.filter(name=name):
        problems["name"] = RESERVED
    if problems:
        raise SettingsInvalid(problems)
    with transaction.atomic():
        policy, created = SlaPolicy.objects.update_or_create(
            name=name,
            defaults={
                "title": values["title"],
                "calendar": values["calendar"],
                "due_minutes": values["due_minutes"],
                "steps": [dict(step) for step in values.get("steps") or ()],
                "breach": values["breach"],
            },
        )
        record(
            action="sla_policy.created" if created else "sla_policy.changed",
            subject=("queue", f"sla:{name}"),
            actor=actor,
            payload={"name": name, "title": policy.title, **policy.snapshot()},
            now=now,
        )
    return policy


def _unknown_targets(steps: Sequence[Mapping[str, Json]]) -> str:
    """Return the first person or queue that a step names and that does not exist; "" if none."""
    for step in steps:
        kind, _, name = step.get("to", "").partition(":")
        if kind == PERSON.rstrip(":") and not User.objects.filter(username=name).exists():
            return f"person {name!r}"
        if kind == TO_QUEUE.rstrip(":") and not Queue.objects.filter(name=name).exists():
            return f"queue {name!r}"
    return ""


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

    ``calendar`` has a ``name`` and what reviews.rules.sla.read_calendar reads. ``queue`` is where
    the ledger keeps the entry. Raises: ValueError naming what is wrong, IntegrityError on a known
    name.
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
        read_plan(policy.snapshot())
        policy.save(force_insert=True)
        record(
            action="sla_policy.created",
            subject=("queue", queue.name),
            actor=actor,
            payload={"name": name, "title": title, **policy.snapshot()},
            now=now,
        )
    return policy
