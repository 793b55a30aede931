"""Who may give an artifact to a run: who uploaded it, or may see a run that holds it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from flows.models import Artifact, ArtifactUpload, RunArtifact
from flows.runtime.held import give_artifacts, list_named, list_references
from flows.selectors.flows import within_reach
from flows.services.errors import InputInvalid
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, User
from workbench.accounts.permissions import reach
from workbench.accounts.principals import find_principal

Json = Any


def find_gifts(
    inputs: Sequence[Json], actor: Actor, passed_on: Collection[str]
) -> list[frozenset[str]]:
    """Return for each input the artifacts that come with it; no query if it names none.

    ``passed_on`` are those that the cause of the runs hands over, as a calling run does.

    Raises: InputInvalid for a reference to an artifact that the actor may not give.
    """
    named = [list_named(each) for each in inputs]
    wanted = frozenset().union(*named)
    may_give = find_givable(wanted - set(passed_on), actor) | (wanted & set(passed_on))
    for given in inputs:
        _refuse_references(given, may_give)
    return [frozenset(each & may_give) for each in named]


def _refuse_references(given: Json, may_give: Collection[str]) -> None:
    faults = [
        {"path": at.lstrip("/"), "message": _explain(digest)}
        for at, digest in list_references(given)
        if digest not in may_give
    ]
    if faults:
        raise InputInvalid(faults)


def _explain(digest: str) -> str:
    return (
        f"There is no artifact {digest} that you may give to a run. "
        "Upload it first, by POST /artifacts."
    )


def find_givable(digests: Collection[str], actor: Actor) -> set[str]:
    """Return those of the digests that the actor may give to a run. Five queries at most."""
    if not digests:
        return set()
    if actor.channel == "command":
        # Who works on the machine can read the files anyway.
        there = Artifact.objects.filter(digest__in=digests)
        return set(there.values_list("digest", flat=True))
    principal = find_principal(actor)
    if principal is None:
        return set()
    user = principal.user if isinstance(principal, ApiToken) else principal
    uploads = ArtifactUpload.objects.filter(user=user, artifact__digest__in=digests)
    seen = within_reach(reach(principal, "runs.view"), "run__flow__")
    held = RunArtifact.objects.filter(seen, artifact__digest__in=digests)
    return {
        *uploads.values_list("artifact__digest", flat=True),
        *held.values_list("artifact__digest", flat=True).distinct(),
    }


def give_to_runs(run_ids: Sequence[int], gifts: Sequence[Collection[str]]) -> None:
    """Let each run hold what comes with its input."""
    for run_id, digests in zip(run_ids, gifts, strict=True):
        give_artifacts(run_id, digests)


def note_upload(*, digest: str, user: User, now: datetime) -> None:
    """Let the person who sent this content give it to runs."""
    artifact = Artifact.objects.get(digest=digest)
    ArtifactUpload.objects.get_or_create(artifact=artifact, user=user, defaults={"at": now})
