"""Stored payloads. Whoever may see a run may see the artifacts that it holds, by its names."""

from flows.models import Run, RunArtifact
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach

_HELD = RunArtifact.objects.select_related("artifact")


def get_artifact(digest: str, *, run_id: int, within: Reach) -> RunArtifact:
    """Return an artifact that the run holds, as the run calls it. One query.

    Raises: RunArtifact.DoesNotExist, also where the run does not hold it or may not be seen.
    """
    runs = Run.objects.filter(within_reach(within, "flow__"), pk=run_id)
    return _HELD.get(artifact__digest=digest, run__in=runs)


def find_artifact_of_run(digest: str, run_id: int) -> RunArtifact | None:
    """Return an artifact if the run holds it, for who may see something of that run. One query."""
    return _HELD.filter(artifact__digest=digest, run_id=run_id).first()


def list_run_artifacts(run: Run) -> list[RunArtifact]:
    """Return the artifacts that the run holds. One query."""
    return list(_HELD.filter(run=run).order_by("artifact_id"))
