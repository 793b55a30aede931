"""Receive a body that is a file: hashed on its way to a temporary file, never held as a whole."""

import hashlib
import tempfile
from dataclasses import dataclass
from typing import IO

from django.http import HttpRequest

from workbench.http.problems import ApiProblem

CHUNK_BYTES = 64 * 1024
# So much of a file stays in memory before it goes to the disk.
IN_MEMORY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A body at its start. ``digest`` is its SHA-256. The gate closes the file after the answer."""

    file: IO[bytes]
    digest: str
    size: int


def receive_file(request: HttpRequest, most: int) -> Received:
    """Read the body into a file. Raises: ApiProblem (413) once it has more than ``most`` bytes."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the gate closes it
    found, size = hashlib.sha256(), 0
    while chunk := request.read(CHUNK_BYTES):
        size += len(chunk)
        if size > most:
            file.close()
            raise too_large(most)
        found.update(chunk)
        file.write(chunk)
    file.seek(0)
    return Received(file, found.hexdigest(), size)


def too_large(limit: int) -> ApiProblem:
    return ApiProblem(
        413,
        "body-too-large",
        f"The body is larger than {limit:,} bytes.",
        "Upload the large part as an artifact and refer to it.",
    )
