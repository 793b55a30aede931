"""Take in a file piece by piece, so that after a broken line it goes on from what has come."""

import hashlib
import tempfile
from datetime import datetime, timedelta
from typing import IO, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from flows.models import PartialUpload
from flows.services.errors import ServiceError
from flows.services.uploads import upload_artifact
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.dispatch.clock import clock_task
from workbench.dispatch.sweeps import Sweep
from workbench.http.receiving import CHUNK_BYTES, IN_MEMORY_BYTES, Received

PIECE_BYTES = 4 * 1024 * 1024
# How many files one person may have under way, and for how long nothing may come.
MOST_UNDER_WAY = 50
KEEP = timedelta(days=1)
TASK = "flows.uploads"
BATCH = 200


class UploadRefused(ServiceError):
    """The file cannot be taken in."""


class UploadUnknown(ServiceError):
    """This person sends no such file, or nothing of it came for a day."""


class PieceElsewhere(ServiceError):
    """The piece does not start where the last one ended, which is at byte ``received``."""

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(f"{received:,} bytes are here.", "Go on from there.")


def begin_upload(
    *, name: str, media_type: str, size: int, user: User, now: datetime
) -> PartialUpload:
    """Prepare to take in a file. Raises: UploadRefused."""
    if not 0 < size <= settings.MAX_ARTIFACT_BYTES:
        most = settings.MAX_ARTIFACT_BYTES
        raise UploadRefused(
            f"{name} has {size:,} bytes; a file may have 1 to {most:,}.",
            "Choose another file, or split it.",
        )
    if PartialUpload.objects.filter(user=user).count() >= MOST_UNDER_WAY:
        raise UploadRefused(
            f"{MOST_UNDER_WAY} of your files are still being sent.", "Wait until some are done."
        )
    return PartialUpload.objects.create(
        user=user, name=name[:200], media_type=media_type[:120], size=size, changed_at=now
    )


def get_upload(upload_id: UUID, user: User) -> PartialUpload:
    """Return a file that the person is sending. Raises: UploadUnknown."""
    found = PartialUpload.objects.filter(pk=upload_id, user=user).first()
    if found is None:
        raise UploadUnknown("This file is not being sent any more.", "Choose it again.")
    return found


def add_piece(
    upload: PartialUpload, *, offset: int, content: Received, now: datetime
) -> PartialUpload:
    """Keep the next piece, and return the file as it is then.

    Raises: PieceElsewhere, UploadRefused; the piece is not kept.
    """
    if offset != upload.received:
        raise PieceElsewhere(upload.received)
    if not content.size or offset + content.size > upload.size:
        raise UploadRefused(
            f"{upload.name} was said to have {upload.size:,} bytes.", "Choose the file again."
        )
    # The file before the row, so that no row names a piece that is not there.
    path = default_storage.save(f"pieces/{upload.pk}-{uuid4().hex}", File(content.file))
    kept = PartialUpload.objects.filter(pk=upload.pk, received=offset).update(
        received=offset + content.size, pieces=[*upload.pieces, path], changed_at=now
    )
    if not kept:
        # Another request was quicker with the same piece.
        default_storage.delete(path)
        raise PieceElsewhere(get_upload(upload.pk, upload.user).received)
    upload.refresh_from_db()
    return upload


def finish_upload(upload: PartialUpload, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """Make an artifact of a file that is whole, and return its reference.

    Raises: UploadsTooMany; the pieces stay, to be finished later.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as whole:
        content = Received(whole, _join(upload, whole), upload.size)
        with transaction.atomic():
            reference = upload_artifact(
                content=content, media_type=upload.media_type, name=upload.name,
                user=upload.user, actor=actor, now=now,
            )  # fmt: skip
            drop_upload(upload)
    return reference


def _join(upload: PartialUpload, whole: IO[bytes]) -> str:
    """Write the pieces one after the other; return the SHA-256 of the whole."""
    found = hashlib.sha256()
    for path in upload.pieces:
        with default_storage.open(path) as piece:
            while chunk := piece.read(CHUNK_BYTES):
                found.update(chunk)
                whole.write(chunk)
    whole.seek(0)
    return found.hexdigest()


def drop_upload(upload: PartialUpload) -> None:
    """Forget a file, and delete its pieces once that is committed."""
    upload.delete()
    transaction.on_commit(lambda: _delete_pieces(upload))


def _delete_pieces(upload: PartialUpload) -> None:
    for path in upload.pieces:
        default_storage.delete(path)


@clock_task(TASK, 3600, "Forget a file that never came whole")
def forget_stale_uploads(now: datetime) -> bool:
    """Forget files of which nothing has come for a day."""
    sweep = Sweep(TASK, now)
    stale = PartialUpload.objects.filter(changed_at__lt=now - KEEP)
    found = list(stale.exclude(pk__in=sweep.passed_over).order_by("changed_at")[:BATCH])
    sweep.each(found, drop_upload)
    if len(found) < BATCH:
        sweep.forget_gone()
    return len(found) == BATCH
