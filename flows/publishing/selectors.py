"""Requests to publish, and the runs that could be migrated to the released version."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from flows.graph.codec import parse
from flows.graph.problems import DocumentError
from flows.models import Flow, FlowVersion, PublishRule, RunStatus, Token
from flows.publishing.models import PublishRequest, RequestState
from flows.steps.pins import find_pins

Json = Any


def get_open_request(flow: Flow) -> PublishRequest | None:
    """Return the request that waits for an answer, if there is one: one query."""
    found = PublishRequest.objects.select_related("requested_by")
    return found.filter(flow=flow, state=RequestState.OPEN).first()


def demands_second_person(flow: Flow) -> bool:
    """Return True if publishing the flow needs a second person: one query."""
    return PublishRule.objects.filter(flow=flow, second_person=True).exists()


@dataclass(frozen=True, slots=True)
class Migratable:
    """The waiting runs of a version: how many can be migrated to the released one."""

    fit: int
    unfit: int


def count_migratable_runs(flow: Flow) -> Mapping[int, Migratable]:
    """Return, by version id, the waiting runs of versions that are not released: two queries.

    A run is unfit if it waits at a step that was removed or is of another type now.
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
    versions = {row["run__version"] for row in counted}
    documents = dict(FlowVersion.objects.filter(pk__in=versions).values_list("pk", "document"))
    released = _list_types(flow.released.document)
    fit: Counter[int] = Counter()
    unfit: Counter[int] = Counter()
    for row in counted:
        version, step = row["run__version"], row["step"]
        fits = released.get(step) == _list_types(documents[version]).get(step)
        (fit if fits else unfit)[version] += row["n"]
    return {version: Migratable(fit[version], unfit[version]) for version in versions}


def find_draft_pins(draft: Mapping[str, Json]) -> dict[str, int]:
    """Return what a draft would be pinned to if it were published now: one query, if any."""
    try:
        return find_pins(parse(draft))
    except DocumentError:
        return {}


def _list_types(document: Mapping[str, Json]) -> dict[str, str]:
    return {name: step.get("type", "") for name, step in (document.get("steps") or {}).items()}
