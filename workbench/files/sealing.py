"""Encrypt a file in segments, so that it can be written and read in parts.

Each segment of 64 KiB is encrypted by AES-256-GCM. Its nonce is its number and whether it is the
last one: the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (CRYPTO 2015, section 7), with the
layout that age gives it (https://age-encryption.org/v1). So a segment that was changed, moved,
repeated or left out is refused, and so is a file that was cut off or made longer.

The file has a key of its own, derived by HKDF-SHA256 (RFC 5869) from the key that is set, a random
salt, and the header and the name of the file: one file does not stand in the place of another.
"""

import io
import os
from typing import IO, TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from workbench.files.errors import FileDamaged
from workbench.files.keys import KEY_BYTES, FileKey
from workbench.files.verified import read_fully

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MARK = b"CSSEAL1\n"
SALT_BYTES = 32
TAG_BYTES = 16
SEGMENT = 64 * 1024
SEALED_SEGMENT = SEGMENT + TAG_BYTES
ID_BYTES = 4
HEADER_BYTES = len(MARK) + ID_BYTES + SALT_BYTES


class Sealing(io.RawIOBase):
    """A file to read once, that gives ``content`` encrypted, with a header before it."""

    def __init__(self, content: IO[bytes], key: FileKey, name: str) -> None:
        super().__init__()
        self._content = content
        header = MARK + bytes.fromhex(key.id) + os.urandom(SALT_BYTES)
        self._cipher = _derive_cipher(key, header, name)
        self._ready = bytearray(header)
        self._number = 0
        self._next: bytes | None = read_fully(content, SEGMENT)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        while self._next is not None and len(self._ready) < len(view):
            self._seal_next()
        taken = self._ready[: len(view)]
        view[: len(taken)] = taken
        del self._ready[: len(taken)]
        return len(taken)

    def _seal_next(self) -> None:
        segment = self._next or b""
        self._next = read_fully(self._content, SEGMENT) or None
        nonce = _make_nonce(self._number, is_last=self._next is None)
        self._ready += self._cipher.encrypt(nonce, segment, None)
        self._number += 1


class Unsealing(io.RawIOBase):
    """The content of an encrypted file, which can be read from any place.

    Every read raises FileDamaged, instead of returning what was not written so.
    """

    def __init__(self, sealed: IO[bytes], size: int, key: FileKey, name: str) -> None:
        """``size`` is how many bytes the encrypted file has. Raises: FileDamaged."""
        super().__init__()
        self._sealed, self._name = sealed, name
        self.size = measure_content(size, name)
        self._last = max(self.size - 1, 0) // SEGMENT
        sealed.seek(0)
        header = read_fully(sealed, HEADER_BYTES)
        if header[: len(MARK) + ID_BYTES] != MARK + bytes.fromhex(key.id):
            raise _damaged(name)
        self._cipher = _derive_cipher(key, header, name)
        self._at = 0
        self._open: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        number, offset = divmod(self._at, SEGMENT)
        if self._at >= self.size and not (self.size == 0 and self._open[0] < 0):
            return 0
        view = memoryview(buffer).cast("B")
        part = self._unseal(number)[offset : offset + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _unseal(self, number: int) -> bytes:
        if self._open[0] != number:
            self._sealed.seek(HEADER_BYTES + number * SEALED_SEGMENT)
            sealed = read_fully(self._sealed, SEALED_SEGMENT)
            nonce = _make_nonce(number, is_last=number == self._last)
            try:
                self._open = number, self._cipher.decrypt(nonce, sealed, None)
            except (InvalidTag, ValueError) as error:
                raise _damaged(self._name) from error
        return self._open[1]

    def close(self) -> None:
        if not self.closed:
            self._sealed.close()
        super().close()


def measure_content(size: int, name: str) -> int:
    """Return how many bytes the content of an encrypted file of ``size`` bytes has.

    Raises: FileDamaged.
    """
    full, rest = divmod(size - HEADER_BYTES, SEALED_SEGMENT)
    if size < HEADER_BYTES + TAG_BYTES or 0 < rest < TAG_BYTES:
        raise _damaged(name)
    return full * SEGMENT + (rest - TAG_BYTES if rest else 0)


def _derive_cipher(key: FileKey, header: bytes, name: str) -> AESGCM:
    info = b"countersign-file\0" + header + name.encode()
    salt = header[-SALT_BYTES:]
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, info).derive(key.secret))


def _make_nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _damaged(name: str) -> FileDamaged:
    return FileDamaged(
        f"The stored file {name} is not what was written: it was changed or cut off. "
        "Restore it from a backup."
    )
