"""Take in the content of a file: the one way by which files come in, whatever the door.

A person's form and the API end here. Steps of runs, and what is opened later, have bounds of their
own (flows.documents.limits).
"""

import hashlib
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.core.files import File

from flows.documents.filetypes import settle_type
from flows.runtime.artifacts import ArtifactTooLarge, store_file
from flows.runtime.labels import Label
from workbench.http.receiving import CHUNK_BYTES, Received


def take_in(*, content: Received, name: str, media_type: str, now: datetime) -> dict[str, Any]:
    """Keep the content of a file, and return its reference, whose type is that of the content.

    ``media_type`` is what its sender says. Raises: ArtifactTooLarge; Unreadable, for an empty file
    and for one that is of two types.
    """
    most = settings.MAX_ARTIFACT_BYTES
    if content.size > most:
        raise ArtifactTooLarge(
            f"{name or 'The file'} has {content.size:,} bytes; at most {most:,} are kept."
        )
    return store_file(
        file=File(content.file), digest=content.digest, size=content.size,
        media_type=settle_type(content.file, media_type), name=name, now=now,
    )  # fmt: skip


def label_of(reference: dict[str, Any]) -> Label:
    """Return what a reference calls its artifact."""
    return Label(reference["name"], reference["media_type"])


def measure(file: IO[bytes]) -> Received:
    """Return a file that nobody changes as content to take in."""
    found, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK_BYTES):
        found.update(chunk)
        size += len(chunk)
    file.seek(0)
    return Received(file, found.hexdigest(), size)
