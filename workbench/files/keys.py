"""The keys that files are encrypted with: the first one writes, all of them read."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.files.errors import StoreUnfit

KEY_BYTES = 32
MAKE_ONE = "Make a key with `openssl rand -base64 32`."


@dataclass(frozen=True, slots=True)
class FileKey:
    """A key of 256 bits. ``id`` names it in the names of files, and tells nothing of it."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hashlib.sha256(b"countersign-file-key\0" + self.secret).hexdigest()[:8]


def read_keys(given: Sequence[str], path: str) -> tuple[FileKey, ...]:
    """Return the keys, the newest first: of a list, or of a file with one a line.

    Raises: StoreUnfit.
    """
    if given and path:
        raise StoreUnfit(
            "ARTIFACT_KEYS and ARTIFACT_KEYS_FILE are both set.", "Keep the keys in one of them."
        )
    keys = tuple(_read_key(each) for each in (_read_file(path) if path else given))
    if path and not keys:
        raise StoreUnfit(f"ARTIFACT_KEYS_FILE, {path}, has no key.", MAKE_ONE)
    return keys


def _read_file(path: str) -> list[str]:
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnfit(
            f"ARTIFACT_KEYS_FILE, {path}, cannot be read: {error}",
            "Give the path of a file with one key a line, the newest first.",
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _read_key(given: str) -> FileKey:
    try:
        secret = base64.b64decode(given, validate=True)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise StoreUnfit("A key of ARTIFACT_KEYS is not 32 random bytes in base64.", MAKE_ONE)
    return FileKey(secret)
