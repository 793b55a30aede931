"""Artifacts: payloads kept by their content, passed between steps by reference.

A reference is ``{"artifact": digest, "media_type": …, "name": …, "size": bytes}``. The file is
written before the row, so that a row never names a file that is not there. What a step stores, its
run holds; a step reads only what its run holds. Name and media type are those of whoever stored it
now: they are kept with the run or the person that has it, and not with the content.
"""

import hashlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from flows.models import Artifact
from flows.runtime.held import get_holder
from flows.runtime.labels import Label
from flows.steps.files import FileMissing, RunFile, register_file_source
from workbench.files.errors import FileDamaged, FileUnreadable
from workbench.files.rewriting import register_stored
from workbench.files.verified import Verified


class ArtifactTooLarge(ValueError):
    """The content is larger than an artifact may be."""


class ArtifactMissing(LookupError):
    """No artifact has this digest."""


def store_artifact(*, content: bytes, media_type: str, name: str, now: datetime) -> dict[str, Any]:
    """Keep ``content`` and return its reference; the same content is kept once.

    Raises: ArtifactTooLarge.
    """
    most = settings.MAX_ARTIFACT_BYTES
    if len(content) > most:
        raise ArtifactTooLarge(
            f"The artifact has {len(content):,} bytes; at most {most:,} are kept."
        )
    return store_file(
        file=ContentFile(content), digest=hashlib.sha256(content).hexdigest(), size=len(content),
        media_type=media_type, name=name, now=now,
    )  # fmt: skip


def store_file(
    *, file: "File[bytes]", digest: str, size: int, media_type: str, name: str, now: datetime
) -> dict[str, Any]:
    """Keep a file, copied in chunks, and return its reference; the same content is kept once.

    ``digest`` is the SHA-256 of its content, and ``size`` how many bytes that has. Raises:
    FileDamaged if it has another content; then nothing is kept.
    """
    kept = Artifact.objects.filter(digest=digest).first()
    if kept is None or not _is_whole(kept.path, size):
        _keep(file, digest, size, now)
    label = Label.of(name, media_type)
    if holder := get_holder():
        holder.keep(digest, label)
    return {
        "artifact": digest, "media_type": label.media_type, "name": label.name, "size": size
    }  # fmt: skip


def _keep(file: "File[bytes]", digest: str, size: int, now: datetime) -> None:
    """Write the file, and then the row that names it: anew where what it names is not whole."""
    path = f"{digest[:2]}/{digest}"
    if not _is_whole(path, size):
        # Beside a file that is there: it may be damaged, or encrypted.
        reader = cast(Any, Verified(cast(Any, file), digest, size))
        path = default_storage.save(path, File(reader, path))
    kept, is_new = Artifact.objects.get_or_create(
        digest=digest, defaults={"size": size, "path": path, "created_at": now}
    )
    if is_new or kept.path == path:
        return
    if _is_whole(kept.path, size):
        default_storage.delete(path)  # another was quicker
    else:
        Artifact.objects.filter(pk=kept.pk).update(path=path)


def _is_whole(path: str, size: int) -> bool:
    """Return whether the file is there and not a part of one, left by a copy of the folder."""
    try:
        return default_storage.size(path) == size
    except (FileNotFoundError, FileDamaged):
        return False


def open_artifact(artifact: Artifact) -> IO[bytes]:
    """Return the content as an open file. Read from its start, it is compared with the digest.

    Raises: FileNotFoundError, StoreAway, FileUnreadable; the last also while it is read.
    """
    try:
        opened = default_storage.open(artifact.path)
    except FileNotFoundError:
        # It may have been encrypted anew since the row was read.
        artifact.refresh_from_db()
        opened = default_storage.open(artifact.path)
    return cast(IO[bytes], Verified(cast(Any, opened), artifact.digest, artifact.size))


def read_artifact(digest: str) -> tuple[Artifact, bytes]:
    """Return the artifact and its content.

    Raises: ArtifactMissing, inside a step also for an artifact that its run does not hold; in a
    rehearsal, for one that may not be read for it. FileUnreadable, StoreAway.
    """
    artifact = _find_artifact(digest)
    with open_artifact(artifact) as file:
        return artifact, file.read()


def _find_artifact(digest: str) -> Artifact:
    """Raises: ArtifactMissing."""
    artifact = Artifact.objects.filter(digest=digest).first()
    holder = get_holder()
    if artifact is None or (holder is not None and not holder.holds(digest)):
        raise ArtifactMissing(f"There is no artifact {digest}.")
    return artifact


class ArtifactFiles:
    """The artifacts as files for steps."""

    def size_of(self, digest: str) -> int:
        """Return how many bytes the file has. Raises: FileMissing as ``read``."""
        try:
            return _find_artifact(digest).size
        except ArtifactMissing as missing:
            raise FileMissing(str(missing)) from missing

    def read(self, digest: str) -> RunFile:
        """Return the file. Raises: FileMissing, also for what the step's run does not hold."""
        try:
            _, content = read_artifact(digest)
        except (ArtifactMissing, FileNotFoundError, FileUnreadable) as missing:
            raise FileMissing(str(missing)) from missing
        holder = get_holder()
        label = holder.label_of(digest) if holder else Label()
        return RunFile(label.name, label.media_type, content)

    def copy(self, digest: str, to: Path) -> None:
        """Copy the file in chunks. Raises: FileMissing as ``read``."""
        try:
            with open_artifact(_find_artifact(digest)) as file, to.open("wb") as copy:
                shutil.copyfileobj(file, copy)
        except (ArtifactMissing, FileNotFoundError, FileUnreadable) as missing:
            raise FileMissing(str(missing)) from missing

    def keep(self, content: bytes, *, media_type: str, name: str, now: datetime) -> dict[str, Any]:
        """Store a file. Raises: ArtifactTooLarge."""
        return store_artifact(content=content, media_type=media_type, name=name, now=now)


register_file_source(ArtifactFiles())
register_stored(Artifact)
