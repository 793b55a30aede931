"""Compare a file with its digest while it is read."""

import hashlib
import io
from typing import IO

from workbench.files.errors import FileDamaged


class Verified:
    """A file of ``size`` bytes whose SHA-256 is ``digest``.

    Whoever reads all of it from the start gets no end of the file, but FileDamaged, if it is
    another one. Other places may be read too; they are not compared.
    """

    def __init__(self, file: IO[bytes], digest: str, size: int) -> None:
        self._file, self._digest, self._size = file, digest, size
        self._hash, self._hashed = hashlib.sha256(), 0
        self._at = 0

    def read(self, size: int | None = -1) -> bytes:
        wanted = -1 if size is None else size
        taken = self._file.read() if wanted < 0 else read_fully(self._file, wanted)
        if self._at == self._hashed:
            self._hash.update(taken)
            self._hashed += len(taken)
            self._compare(is_end=wanted < 0 or len(taken) < wanted)
        self._at += len(taken)
        return taken

    def _compare(self, *, is_end: bool) -> None:
        """Raises: FileDamaged, with the last part at the latest."""
        if self._hashed < self._size and not is_end:
            return
        if self._hashed != self._size or self._hash.hexdigest() != self._digest:
            raise FileDamaged(
                f"The content of {self._digest} is not what was stored: it was changed or cut off."
            )

    @property
    def closed(self) -> bool:
        return self._file.closed

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Verified":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read_fully(file: IO[bytes], size: int) -> bytes:
    """Return ``size`` bytes, fewer only at the end of the file."""
    parts = bytearray()
    while len(parts) < size and (part := file.read(size - len(parts))):
        parts += part
    return bytes(parts)
