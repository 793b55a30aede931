"""Store what a program uploads, and record who did."""

from datetime import datetime
from typing import Any

from django.db import transaction

from flows.runtime.artifacts import store_artifact
from workbench.accounts.actors import Actor
from workbench.audit.services import record


@transaction.atomic
def upload_artifact(
    *, content: bytes, media_type: str, name: str, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Keep the content and return its reference. Raises: ArtifactTooLarge.

    It has the name that was given now: how somebody else called the same content is theirs.
    """
    kept = store_artifact(content=content, media_type=media_type, name=name, now=now)
    kept = {**kept, "name": name[:200]}
    record(
        action="artifact.stored",
        subject=("artifact", kept["artifact"]),
        actor=actor,
        payload=kept,
        now=now,
    )
    return kept
