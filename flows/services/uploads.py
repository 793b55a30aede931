"""Store what a person or a program uploads, and record who did."""

import hashlib
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from flows.runtime.artifacts import ArtifactTooLarge, store_file
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


def upload_form_file(
    file: "UploadedFile[Any]", *, user: User, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Keep a file of a form, for the user to give to runs, and return its reference.

    Raises: ArtifactTooLarge, UploadsTooMany.
    """
    size, most = file.size or 0, settings.MAX_ARTIFACT_BYTES
    if size > most:
        raise ArtifactTooLarge(f"{file.name} has {size:,} bytes; at most {most:,} are kept.")
    found = hashlib.sha256()
    for chunk in file.chunks():
        found.update(chunk)
    file.seek(0)
    return upload_artifact(
        content=Received(file, found.hexdigest(), size), media_type=file.content_type or "",
        name=file.name or "file", user=user, actor=actor, now=now,
    )  # fmt: skip
