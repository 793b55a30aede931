"""Create queues and change their settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from reviews.errors import SettingsInvalid
from reviews.models import Queue
from reviews.rules.access import check_access
from reviews.rules.matrix import find_matrix_problem
from reviews.rules.ordering import read_ordering
from reviews.selectors.editables import QUEUE_FIELDS
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.dispatch.outbox import enqueue
from workbench.http.addresses import RESERVED, is_reserved
from workbench.live import nudge_on_commit

Json = Any
RERANK_JOB = "reviews.rerank_queue"
# A case that was being opened while the weights changed still has the old rank, so the queue is
# ranked a second time.
RERANK_AGAIN_SECONDS = 30
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
    """Create a queue.

    Raises: SettingsInvalid, ValueError on an unknown weight, IntegrityError on a known name.
    """
    read_ordering(ordering or {})
    if is_reserved("reviews:queue", name):
        raise SettingsInvalid({"name": RESERVED})
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
    """Change a queue's settings; ``values`` are some of QUEUE_FIELDS. New weights have its cases
    ranked anew after the commit.

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
        _record_change(kept, before, changed, actor, now)
        if "ordering" in changed:
            for delay in (0, RERANK_AGAIN_SECONDS):
                enqueue(RERANK_JOB, {"queue": kept.pk}, now=now, delay_seconds=delay)
        nudge_on_commit([f"queue.{kept.name}"], {"settings": True})
    return kept


def _record_change(
    queue: Queue,
    before: Mapping[str, Json],
    changed: Mapping[str, Json],
    actor: Actor,
    now: datetime,
) -> None:
    record(
        action="queue.changed",
        subject=("queue", queue.name),
        actor=actor,
        payload={
            "title": queue.title,
            "changes": {name: {"old": before[name], "new": changed[name]} for name in changed},
        },
        now=now,
    )


def queue_problems(values: Mapping[str, Json]) -> dict[str, str]:
    """Return what is wrong with a queue's settings, by field."""
    problems = {}
    try:
        read_ordering(values.get("ordering", {}))
    except (ValueError, TypeError) as error:
        problems["ordering"] = f"The order is not valid: {error}."
    try:
        check_access(values.get("access", {}))
    except ValueError as error:
        problems["access"] = f"The rules are not valid: {error}."
    if not MIN_LEASE_SECONDS <= values.get("lease_seconds", MIN_LEASE_SECONDS) <= MAX_LEASE_SECONDS:
        problems["lease_seconds"] = "A claim lasts 1 minute to 24 hours."
    if not 0 <= values.get("commit_window_seconds", 0) <= MAX_WINDOW_SECONDS:
        problems["commit_window_seconds"] = (
            f"A decision can be undone for 0 to {MAX_WINDOW_SECONDS} seconds."
        )
    if problem := find_matrix_problem(values.get("authority", [])):
        problems["authority"] = problem
    if not values.get("title", "-").strip():
        problems["title"] = "Give the queue a title."
    return problems
