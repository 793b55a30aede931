"""Flows, their versions, and the counts of their runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from flows.models import WHOLE_RUNS, Flow, FlowVersion, Run, RunStatus
from workbench.accounts.permissions import Reach
from workbench.search.matching import having

RECENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow in a list. ``recent`` counts the runs of the last 24 hours by status."""

    flow: Flow
    last_published_at: datetime | None
    recent: Mapping[str, int] = field(default_factory=dict)

    @property
    def recent_total(self) -> int:
        return sum(self.recent.values())


def within_reach(within: Reach, prefix: str = "") -> Q:
    """Return the condition for the flows that a principal may know of."""
    if within.everywhere:
        return Q()
    names = {flow for flow, _ in within.scopes if flow}
    return Q(**{f"{prefix}name__in": names})


def get_flow(name: str) -> Flow:
    """Return the flow with its released version: one query. Raises: Flow.DoesNotExist."""
    return Flow.objects.select_related("released__published_by").get(name=name)


def list_flows(
    *, within: Reach, now: datetime, text: str = "", archived: bool = False
) -> list[FlowRow]:
    """Return flows by title, with the counts of their recent runs: three queries at most."""
    newest = FlowVersion.objects.filter(flow=OuterRef("pk")).order_by("-number")
    flows = (
        Flow.objects.filter(within_reach(within), archived_at__isnull=not archived)
        .select_related("released")
        .defer("released__document")
        .annotate(last_published_at=Subquery(newest.values("published_at")[:1]))
        .order_by("title", "name")
    )
    if text:
        flows = flows.filter(having(text, "name", "title"))
    found = list(flows)
    recent = _recent_counts(now) if found else {}
    return [FlowRow(flow, flow.last_published_at, recent.get(flow.pk, {})) for flow in found]


def _recent_counts(now: datetime) -> dict[int, dict[str, int]]:
    counted = (
        Run.objects.filter(WHOLE_RUNS, pk__gt=_last_id_before(now - RECENT))
        .values("flow_id", "status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    counts: dict[int, dict[str, int]] = {}
    for row in counted:
        counts.setdefault(row["flow_id"], {})[row["status"]] = row["n"]
    return counts


def _last_id_before(cutoff: datetime) -> Any:
    """Return a subquery for the id of the newest run older than ``cutoff``, or 0.

    ``started_at`` has no index, since it would slow every start. Ids rise with it, so walking the
    primary key back from the newest run reads only what is counted anyway.
    """
    older = Run.objects.filter(started_at__lt=cutoff).order_by("-pk").values("pk")[:1]
    return Coalesce(Subquery(older), 0)


def get_version(flow: Flow, number: int) -> FlowVersion:
    """Return one version: one query. Raises: FlowVersion.DoesNotExist."""
    return FlowVersion.objects.select_related("published_by").get(flow=flow, number=number)


def list_versions(flow: Flow) -> QuerySet[FlowVersion]:
    """Return the versions, newest first, without their documents: one query."""
    return (
        FlowVersion.objects.filter(flow=flow)
        .select_related("published_by")
        .defer("document")
        .order_by("-number")
    )


def count_runs_by_version(versions: Sequence[FlowVersion]) -> dict[int, Any]:
    """Return ``{version id: {total, live, first, last}}``, the last two being times: one query."""
    rows = (
        Run.objects.filter(version__in=[version.pk for version in versions])
        .values("version_id")
        .annotate(
            total=Count("pk"),
            live=Count("pk", filter=Q(status__in=[RunStatus.RUNNING, RunStatus.PAUSED])),
            first=Min("started_at"),
            last=Max("started_at"),
        )
        .order_by()
    )
    return {row["version_id"]: row for row in rows}


def count_recent_runs(flow: Flow, *, now: datetime) -> dict[str, int]:
    """Return the number of runs of the last 24 hours by status: one query."""
    counted = (
        Run.objects.filter(WHOLE_RUNS, flow=flow, pk__gt=_last_id_before(now - RECENT))
        .values("status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    return {row["status"]: row["n"] for row in counted}


def list_versions_for(run: Run) -> QuerySet[FlowVersion]:
    """Return the versions that a run could go on with or be repeated by, newest first: one query.

    For an agent's run they are the same part of the flow's versions.
    """
    found = FlowVersion.with_parts.filter(flow_id=run.flow_id, part=run.version.part)
    return found.only("pk", "number", "note").order_by("-number")
