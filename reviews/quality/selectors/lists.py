"""Lists of checks, policies, known answers and datasets. Each says how many queries it makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Prefetch, Q

from flows.models import Flow
from reviews.models import Queue
from reviews.models.quality import (
    CheckState,
    DatasetVersion,
    KnownAnswer,
    QualityCheck,
    QueuePolicy,
    SampleState,
    SamplingPolicy,
)
from reviews.selectors.lists import limit_to_reach
from workbench.accounts.permissions import reach

PAGE_SIZE = 50
STANDING = {
    "open": Q(state=CheckState.SETTLED, agreed=False, looked_at=None),
    "closed": Q(state=CheckState.SETTLED, agreed=False, looked_at__isnull=False),
    "agreed": Q(state=CheckState.SETTLED, agreed=True),
    "waiting": Q(state=CheckState.OPEN),
}


@dataclass(frozen=True, slots=True)
class CheckPage:
    checks: Sequence[QualityCheck]
    before: int | None = None


def list_checks(
    principal: Any, *, which: str = "open", kind: str = "", before: int | None = None
) -> CheckPage:
    """Return a page of checks, the newest first: one query."""
    found = QualityCheck.objects.filter(
        limit_to_reach(
            reach(principal, "insights.people"), queue="case__queue__name", flow="case__flow"
        ),
        STANDING[which],
    )
    if kind:
        found = found.filter(kind=kind)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(
        found.select_related("case__queue", "expected_by", "decided_by", "looked_by")
        .defer("case__shown", "case__rules", "case__fields", "case__sla")
        .order_by("-pk")[: PAGE_SIZE + 1]
    )
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return CheckPage(rows, rows[-1].pk if more else None)


def list_queue_policies(principal: Any) -> list[Queue]:
    """Return the queues, each with its quality policy if it has one: two queries."""
    found = reach(principal, "quality.manage")
    queues = Queue.objects.order_by("title")
    if not found.everywhere:
        queues = queues.filter(name__in=[queue for _, queue in found.scopes if queue])
    return list(
        queues.prefetch_related(
            Prefetch("quality_policy", queryset=QueuePolicy.objects.order_by("pk"))
        )
    )


def list_sampling_policies(principal: Any) -> list[SamplingPolicy]:
    """Return the policies of the flows led, with what became of the runs they drew: one query."""
    found = reach(principal, "quality.manage")
    policies = SamplingPolicy.objects.annotate(
        drawn_count=Count("drawn"),
        opened_count=Count("drawn", filter=Q(drawn__state=SampleState.OPENED)),
        waiting_count=Count("drawn", filter=Q(drawn__state=SampleState.WAITING)),
    ).order_by("flow", "pk")
    return [policy for policy in policies if found.covers(policy.flow, None)]


def list_known_answers(principal: Any) -> list[KnownAnswer]:
    """Return the known answers in use, with how often each was given and met: one query."""
    found = reach(principal, "quality.manage")
    settled = Q(checks__state=CheckState.SETTLED)
    return list(
        KnownAnswer.objects.filter(
            limit_to_reach(found, queue="queue__name", flow="case__flow"), retired_at=None
        )
        .select_related("case", "queue", "created_by")
        .defer("case__shown", "case__rules", "case__fields", "case__sla")
        .annotate(
            given=Count("checks", filter=settled),
            met=Count("checks", filter=settled & Q(checks__agreed=True)),
        )
        .order_by("-pk")
    )


def list_checkpoints(principal: Any) -> list[tuple[str, str]]:
    """Return the checkpoints of released versions of flows led, as (flow, step): one query."""
    led = reach(principal, "quality.manage")
    flows = Flow.objects.filter(released__isnull=False).select_related("released")
    return [
        (flow.name, step)
        for flow in flows.only("name", "released__document").order_by("name")
        for step, found in (
            flow.released.document.get("steps", {}) if flow.released else {}
        ).items()
        if found.get("type") == "review.case" and led.covers(flow.name, None)
    ]


def list_datasets() -> list[DatasetVersion]:
    """Return the versions of all datasets, the newest first: one query."""
    versions = DatasetVersion.objects.select_related("created_by").order_by("-pk")
    return list(versions[: PAGE_SIZE * 4])
