"""Queues, and the calendars and SLA policies they promise by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from reviews.errors import SettingsInvalid
from reviews.models import BreachAction, Queue, SlaPolicy, WorkCalendar
from reviews.rules.access import check_access
from reviews.rules.ordering import ordering_from
from reviews.rules.sla import PERSON, TO_QUEUE, calendar_problems, plan_from, policy_problems
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.dispatch.outbox import enqueue
from workbench.live import nudge_on_commit

Json = Any
RERANK_JOB = "reviews.rerank_queue"
# A case that was being opened while the weights changed has the old ones: it is ranked after.
RERANK_AGAIN_SECONDS = 30
QUEUE_FIELDS = (
    "title", "description", "ordering", "skills", "access", "lease_seconds",
    "commit_window_seconds", "work_limit", "familiar_minutes",
)  # fmt: skip
MAX_LEASE_SECONDS = 24 * 3600
MIN_LEASE_SECONDS = 60
MAX_WINDOW_SECONDS = 120


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


def change_queue(*, queue: Queue, values: Mapping[str, Json], actor: Actor, now: datetime) -> Queue:
    """Change a queue's settings; ``values`` are some of QUEUE_FIELDS. New weights rank its cases
    anew, after the commit.

    Raises: SettingsInvalid.
    """
    if problems := queue_problems(values):
        raise SettingsInvalid(problems)
    with transaction.atomic():
        kept = Queue.objects.select_for_update().get(pk=queue.pk)
        before = {name: getattr(kept, name) for name in QUEUE_FIELDS}
        changed = {name: value for name, value in values.items() if before[name] != value}
        if not changed:
            return kept
        for name, value in changed.items():
            setattr(kept, name, value)
        kept.save(update_fields=list(changed))
        record(
            action="queue.changed",
            subject=("queue", kept.name),
            actor=actor,
            payload={
                "title": kept.title,
                "changes": {name: {"old": before[name], "new": changed[name]} for name in changed},
            },
            now=now,
        )
        if "ordering" in changed:
            for delay in (0, RERANK_AGAIN_SECONDS):
                enqueue(RERANK_JOB, {"queue": kept.pk}, now=now, delay_seconds=delay)
        nudge_on_commit([f"queue.{kept.name}"], {"settings": True})
    return kept


def queue_problems(values: Mapping[str, Json]) -> dict[str, str]:
    """Return what is wrong with a queue's settings, by field."""
    problems = {}
    try:
        ordering_from(values.get("ordering", {}))
    except (ValueError, TypeError) as error:
        problems["ordering"] = f"The order cannot be kept: {error}."
    try:
        check_access(values.get("access", {}))
    except ValueError as error:
        problems["access"] = f"The rules cannot be kept: {error}."
    if not MIN_LEASE_SECONDS <= values.get("lease_seconds", MIN_LEASE_SECONDS) <= MAX_LEASE_SECONDS:
        problems["lease_seconds"] = "A claim is kept for 1 minute to 24 hours."
    if not 0 <= values.get("commit_window_seconds", 0) <= MAX_WINDOW_SECONDS:
        problems["commit_window_seconds"] = f"Undo for 0 to {MAX_WINDOW_SECONDS} seconds."
    if not values.get("title", "-").strip():
        problems["title"] = "Give the queue a title."
    return problems


def save_calendar(
    *, name: str, values: Mapping[str, Json], actor: Actor, now: datetime
) -> WorkCalendar:
    """Create a calendar, or change it. Cases that are open keep the calendar they were opened by.

    Raises: SettingsInvalid.
    """
    if problems := calendar_problems(values):
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


def save_policy(*, name: str, values: Mapping[str, Json], actor: Actor, now: datetime) -> SlaPolicy:
    """Create a policy, or change it. Cases that are open keep the promise they were opened by.

    ``values``: ``{title, calendar: WorkCalendar, due_minutes, steps, breach}``.

    Raises: SettingsInvalid.
    """
    problems = policy_problems(values)
    if unknown := _unknown_targets(values.get("steps") or ()):
        problems.setdefault("steps", f"There is no {unknown}: choose who hears of it.")
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
    """Return the first person or queue that a step names and that is not there."""
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

    ``calendar`` has a ``name`` and what reviews.rules.sla.calendar_from reads. ``queue`` is where
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
