"""Who may give an artifact to a run: who uploaded it, or may see a run that holds it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from flows.models import Artifact, ArtifactUpload, RunArtifact
from flows.runtime.held import give_artifacts, list_named, list_references, read_labels
from flows.runtime.labels import Label, Labels, agree, label_as_said
from flows.selectors.flows import within_reach
from flows.services.errors import InputInvalid
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, User
from workbench.accounts.permissions import reach
from workbench.accounts.principals import find_principal

Json = Any


def find_gifts(inputs: Sequence[Json], actor: Actor, passed_on: Labels) -> list[dict[str, Label]]:
    """Return for each input the artifacts that come with it; no query if it names none.

    ``passed_on`` are those that the cause of the runs hands over, as a calling run does. An input
    says what they are called for its run; else they are called as the giver has them.

    Raises: InputInvalid for a reference to an artifact that the actor may not give.
    """
    named = [list_named(each) for each in inputs]
    wanted = frozenset().union(*named)
    handed_over = {digest: passed_on[digest] for digest in wanted & passed_on.keys()}
    may_give = find_givable(wanted - passed_on.keys(), actor) | handed_over
    for given in inputs:
        _refuse_references(given, may_give)
    return [
        label_as_said(each & may_give.keys(), given, may_give)
        for each, given in zip(named, inputs, strict=True)
    ]


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


def find_givable(digests: Collection[str], actor: Actor) -> dict[str, Label]:
    """Return those of the digests that the actor may give to a run, with what they call each.

    That is what they said when they uploaded it; else what the runs that they may see call it, if
    these agree. Five queries at most.
    """
    if not digests:
        return {}
    if actor.channel == "command":
        # Who works on the machine can read the files anyway.
        there = Artifact.objects.filter(digest__in=digests)
        return {digest: Label() for digest in there.values_list("digest", flat=True)}
    principal = find_principal(actor)
    if principal is None:
        return {}
    user = principal.user if isinstance(principal, ApiToken) else principal
    uploads = ArtifactUpload.objects.filter(user=user, artifact__digest__in=digests)
    seen = within_reach(reach(principal, "runs.view"), "run__flow__")
    held = RunArtifact.objects.filter(seen, artifact__digest__in=digests)
    said = ("artifact__digest", "name", "media_type")
    return {
        **agree(held.order_by().values_list(*said).distinct()),
        **read_labels(uploads.values_list(*said)),
    }


def give_to_runs(run_ids: Sequence[int], gifts: Sequence[Labels]) -> None:
    """Let each run hold what comes with its input."""
    for run_id, given in zip(run_ids, gifts, strict=True):
        give_artifacts(run_id, given)


def note_upload(*, digest: str, label: Label, user: User, now: datetime) -> None:
    """Let the person who sent this content give it to runs, called as they called it last."""
    ArtifactUpload.objects.update_or_create(
        artifact=Artifact.objects.get(digest=digest),
        user=user,
        defaults={"name": label.name, "media_type": label.media_type},
        create_defaults={"name": label.name, "media_type": label.media_type, "at": now},
    )
