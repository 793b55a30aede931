"""Store what a person or a program uploads, and record who did."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from flows.runtime.artifacts import ArtifactTooLarge
from flows.services.arriving import label_of, measure, take_in
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

    Raises: UploadsTooMany, ArtifactTooLarge, Unreadable.
    """
    count_upload(user.pk, content.size)
    kept = take_in(content=content, name=name, media_type=media_type, now=now)
    note_upload(digest=kept["artifact"], label=label_of(kept), user=user, now=now)
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

    Raises: ArtifactTooLarge, UploadsTooMany, Unreadable.
    """
    size, most = file.size or 0, settings.MAX_ARTIFACT_BYTES
    if size > most:
        raise ArtifactTooLarge(f"{file.name} has {size:,} bytes; at most {most:,} are kept.")
    return upload_artifact(
        content=measure(file), media_type=file.content_type or "",
        name=file.name or "file", user=user, actor=actor, now=now,
    )  # fmt: skip
