"""Stored payloads, and who may see them: those who may see a run that refers to them."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from flows.models import Artifact, Journal, Run
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach

Json = Any


def get_artifact(digest: str, *, run_id: int, within: Reach) -> Artifact:
    """Return an artifact that the run refers to: three queries at most.

    Raises: Artifact.DoesNotExist, also where the run does not refer to it or may not be seen.
    """
    run = Run.objects.filter(within_reach(within, "flow__"), pk=run_id).first()
    if run is None or not _refers(run, digest):
        raise Artifact.DoesNotExist(digest)
    return Artifact.objects.get(digest=digest)


def _refers(run: Run, digest: str) -> bool:
    if digest in set(digests_in(run.input)) | set(digests_in(run.output)):
        return True
    rows = Journal.objects.filter(run_id=run.pk).annotate(text=Cast("data", TextField()))
    return any(digest in digests_in(row.data) for row in rows.filter(text__contains=digest))


def list_run_artifacts(run: Run) -> list[Artifact]:
    """Return the artifacts that the run's input, outputs and output name: two queries."""
    digests = {*digests_in(run.input), *digests_in(run.output)}
    rows = Journal.objects.filter(run_id=run.pk).annotate(text=Cast("data", TextField()))
    for data in rows.filter(text__contains='"artifact"').values_list("data", flat=True):
        digests.update(digests_in(data))
    return list(Artifact.objects.filter(Q(digest__in=digests)).order_by("pk")) if digests else []


def digests_in(value: Json) -> Iterator[str]:
    """Yield the digests that a JSON value names: ``{"artifact": "<digest>", …}`` at any depth."""
    if isinstance(value, Mapping):
        named = value.get("artifact")
        if isinstance(named, str):
            yield named
        for each in value.values():
            yield from digests_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from digests_in(each)
