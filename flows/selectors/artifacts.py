"""Stored payloads. Whoever may see a run may see the payloads to which it refers."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from flows.models import Artifact, Journal, Run
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach

Json = Any


def get_artifact(digest: str, *, run_id: int, within: Reach) -> Artifact:
    """Return an artifact to which the run refers: three queries at most.

    Raises: Artifact.DoesNotExist, also where the run does not refer to it or may not be seen.
    """
    run = Run.objects.filter(within_reach(within, "flow__"), pk=run_id).first()
    if run is None or not _refers(run, digest):
        raise Artifact.DoesNotExist(digest)
    return Artifact.objects.get(digest=digest)


def _refers(run: Run, digest: str) -> bool:
    if digest in set(list_digests(run.input)) | set(list_digests(run.output)):
        return True
    rows = Journal.objects.filter(run_id=run.pk).annotate(text=Cast("data", TextField()))
    return any(digest in list_digests(row.data) for row in rows.filter(text__contains=digest))


def list_run_artifacts(run: Run) -> list[Artifact]:
    """Return the artifacts to which the run's input and outputs refer: two queries."""
    digests = {*list_digests(run.input), *list_digests(run.output)}
    rows = Journal.objects.filter(run_id=run.pk).annotate(text=Cast("data", TextField()))
    for data in rows.filter(text__contains='"artifact"').values_list("data", flat=True):
        digests.update(list_digests(data))
    return list(Artifact.objects.filter(Q(digest__in=digests)).order_by("pk")) if digests else []


def list_digests(value: Json) -> Iterator[str]:
    """Yield the digests in a JSON value: each ``{"artifact": "<digest>", …}`` at any depth."""
    if isinstance(value, Mapping):
        named = value.get("artifact")
        if isinstance(named, str):
            yield named
        for each in value.values():
            yield from list_digests(each)
    elif isinstance(value, list):
        for each in value:
            yield from list_digests(each)
