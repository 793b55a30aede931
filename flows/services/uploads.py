"""Store what a program uploads, and record who did."""

from datetime import datetime
from typing import Any

from django.core.files import File
from django.db import transaction

from flows.runtime.artifacts import store_file
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.http.receiving import Received


@transaction.atomic
def upload_artifact(
    *, content: Received, media_type: str, name: str, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Keep the content and return its reference.

    It has the name that was given now: how somebody else called the same content is theirs.
    """
    kept = store_file(
        file=File(content.file), digest=content.digest, size=content.size,
        media_type=media_type, name=name, now=now,
    )  # fmt: skip
    kept = {**kept, "name": name[:200]}
    record(
        action="artifact.stored",
        subject=("artifact", kept["artifact"]),
        actor=actor,
        payload=kept,
        now=now,
    )
    return kept
