"""Store what a program uploads, and record who did."""

from datetime import datetime
from typing import Any

from django.core.files import File
from django.db import transaction

from flows.runtime.artifacts import store_file
from flows.runtime.labels import Label
from flows.services.giving import note_upload
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.http.rates import count_upload
from workbench.http.receiving import Received


@transaction.atomic
def upload_artifact(
    *, content: Received, media_type: str, name: str, user: User, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Keep the content, for the user to give to runs, and return its reference.

    Raises: UploadsTooMany.
    """
    count_upload(user.pk, content.size)
    kept = store_file(
        file=File(content.file), digest=content.digest, size=content.size,
        media_type=media_type, name=name, now=now,
    )  # fmt: skip
    note_upload(
        digest=kept["artifact"], label=Label(kept["name"], kept["media_type"]), user=user, now=now
    )
    record(
        action="artifact.stored",
        subject=("artifact", kept["artifact"]),
        actor=actor,
        payload=kept,
        now=now,
    )
    return kept
