"""Files of runs, as steps need them. The runtime, which keeps them, registers as the source."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file with its bytes. ``media_type`` is what whoever stored it said."""

    name: str
    media_type: str
    content: bytes


class FileMissing(LookupError):
    """There is no file of that digest, or the run does not hold it."""


class FileSource(Protocol):
    """Where files are kept."""

    def size_of(self, digest: str) -> int:
        """Return how many bytes a file has, which is not read. Raises: FileMissing as ``read``."""

    def read(self, digest: str) -> RunFile:
        """Return a file that the run whose step is called holds. Raises: FileMissing."""


class _NoFiles:
    def size_of(self, digest: str) -> int:
        raise FileMissing(f"There is no artifact {digest}.")

    def read(self, digest: str) -> RunFile:
        raise FileMissing(f"There is no artifact {digest}.")


_source: FileSource = _NoFiles()


def register_file_source(source: FileSource) -> None:
    """Let files be found in ``source``."""
    global _source  # noqa: PLW0603 - one a process
    _source = source


def get_file_source() -> FileSource:
    return _source
