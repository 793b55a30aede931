"""Stored payloads. Whoever may see a run may see the artifacts that it holds."""

from flows.models import Artifact, Run
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach


def get_artifact(digest: str, *, run_id: int, within: Reach) -> Artifact:
    """Return an artifact that the run holds. One query.

    Raises: Artifact.DoesNotExist, also where the run does not hold it or may not be seen.
    """
    runs = Run.objects.filter(within_reach(within, "flow__"), pk=run_id)
    return Artifact.objects.get(digest=digest, holders__run__in=runs)


def find_artifact_of_run(digest: str, run_id: int) -> Artifact | None:
    """Return an artifact if the run holds it, for who may see something of that run. One query."""
    return Artifact.objects.filter(digest=digest, holders__run_id=run_id).first()


def list_run_artifacts(run: Run) -> list[Artifact]:
    """Return the artifacts that the run holds. One query."""
    return list(Artifact.objects.filter(holders__run=run).order_by("pk"))
