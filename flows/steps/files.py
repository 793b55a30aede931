"""Files of runs, as steps need them. The runtime, which keeps them, registers as the source."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from flows.steps.base import StepFailure, text_of


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file with its bytes. ``media_type`` is what whoever stored it said."""

    name: str
    media_type: str
    content: bytes


class FileMissing(LookupError):
    """There is no file of that digest, the run does not hold it, or it cannot be read."""


class FileSource(Protocol):
    """Where files are kept."""

    def size_of(self, digest: str) -> int:
        """Return how many bytes a file has, which is not read. Raises: FileMissing as ``read``."""

    def read(self, digest: str) -> RunFile:
        """Return a file that the run whose step is called holds. Raises: FileMissing."""

    def copy(self, digest: str, to: Path) -> None:
        """Copy a file that the run holds to a path, part by part. Raises: FileMissing."""

    def keep(
        self, content: bytes, *, media_type: str, name: str, now: datetime
    ) -> Mapping[str, Any]:
        """Store a file that the run then holds, and return its reference."""


def read_digest(given: Any, field: str) -> str:
    """Return the digest of a file that a config gives, itself or in a reference.

    Raises: StepFailure, that names the field.
    """
    named = given.get("artifact") if isinstance(given, Mapping) else given
    digest = text_of(named).removeprefix("artifact:").removeprefix("sha256:")
    if not digest:
        raise StepFailure(
            f"`{field}` takes references of artifacts, as uploads and steps give them.",
            kind="config",
            retryable=False,
        )
    return digest


class _NoFiles:
    def size_of(self, digest: str) -> int:
        raise FileMissing(f"There is no artifact {digest}.")

    def read(self, digest: str) -> RunFile:
        raise FileMissing(f"There is no artifact {digest}.")

    def copy(self, digest: str, to: Path) -> None:
        raise FileMissing(f"There is no artifact {digest}.")

    def keep(
        self, content: bytes, *, media_type: str, name: str, now: datetime
    ) -> Mapping[str, Any]:
        raise FileMissing("No files are kept here.")


_source: FileSource = _NoFiles()


def register_file_source(source: FileSource) -> None:
    """Let files be found in ``source``."""
    global _source  # noqa: PLW0603 - one a process
    _source = source


def get_file_source() -> FileSource:
    return _source
