"""Requests to publish, and the runs that could go on with another version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from flows.models import Flow, FlowVersion, PublishRule, RunStatus, Token
from flows.publishing.models import PublishRequest, RequestState

Json = Any


def open_request(flow: Flow) -> PublishRequest | None:
    """Return the request that waits for an answer: one query."""
    found = PublishRequest.objects.select_related("requested_by")
    return found.filter(flow=flow, state=RequestState.OPEN).first()


def demands_second_person(flow: Flow) -> bool:
    return PublishRule.objects.filter(flow=flow, second_person=True).exists()


@dataclass(frozen=True, slots=True)
class Migratable:
    """Waiting runs of a version: how many stand on steps that the release still has."""

    fit: int
    unfit: int


def migratable_runs(flow: Flow) -> Mapping[int, Migratable]:
    """Return, by version id, the waiting runs of other versions than the released: two queries.

    A run counts by its tokens: one on a step that is gone, or of another type now, makes it unfit.
    """
    if flow.released is None:
        return {}
    rows = (
        Token.objects.filter(run__flow=flow, run__status=RunStatus.RUNNING, state="waiting")
        .exclude(run__version=flow.released_id)
        .values("run__version", "step")
        .annotate(n=Count("run", distinct=True))
        .order_by()
    )
    counted = list(rows)
    ids = {row["run__version"] for row in counted}
    documents = dict(FlowVersion.objects.filter(pk__in=ids).values_list("pk", "document"))
    released = _types(flow.released.document)
    found: dict[int, Migratable] = {}
    for row in counted:
        version = row["run__version"]
        known = found.get(version, Migratable(0, 0))
        fits = released.get(row["step"]) == _types(documents[version]).get(row["step"])
        found[version] = Migratable(
            known.fit + (row["n"] if fits else 0), known.unfit + (0 if fits else row["n"])
        )
    return found


def _types(document: Mapping[str, Json]) -> dict[str, str]:
    return {name: step.get("type", "") for name, step in (document.get("steps") or {}).items()}
