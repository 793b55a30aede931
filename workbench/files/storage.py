"""The store of all files: in a folder or an S3 bucket, and encrypted where keys are set.

An encrypted file says so in its name, which a row keeps: ``ab/DIGEST.SALT.aes-KEY``. So files of
both kinds stand side by side, and one that was encrypted is never taken for a plain one.
"""

import io
import re
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage

from workbench.files.errors import FileKeyMissing, StoreUnfit
from workbench.files.folder import WholeFileStorage
from workbench.files.keys import FileKey, read_keys
from workbench.files.places import read_place
from workbench.files.sealing import SEGMENT, Sealing, Unsealing, measure_content

_SEALED = re.compile(r"(?P<plain>.+)\.[0-9a-f]{12}\.aes-(?P<key>[0-9a-f]{8})")


def open_store(folder: Path | None = None) -> "SealingStorage":
    """Return the store that the settings name; without ARTIFACT_STORE, ``folder``.

    Raises: StoreUnfit.
    """
    place = read_place(settings.ARTIFACT_STORE)
    keys = read_keys(settings.ARTIFACT_KEYS, settings.ARTIFACT_KEYS_FILE)
    if place is None:
        return SealingStorage(WholeFileStorage(location=folder), keys)
    try:
        from workbench.files.s3 import S3FileStorage  # the extra may be missing
    except ImportError as error:
        raise StoreUnfit(
            f"ARTIFACT_STORE is {place.label}, and {error.name} is not installed.",
            "Install the extra: pip install 'countersign[s3]'.",
        ) from error
    return SealingStorage(S3FileStorage(place), keys)


class SealingStorage(Storage):
    """Encrypts what is written with the first of its keys, and reads what any of them wrote.

    Without keys it writes plain files. Reading raises FileDamaged and FileKeyMissing.
    """

    def __init__(self, kept: Storage, keys: tuple[FileKey, ...] = ()) -> None:
        self.kept = kept
        self.keys = keys

    @property
    def suffix(self) -> str:
        """How the names of files end that are written now: "" for plain ones."""
        return f".aes-{self.keys[0].id}" if self.keys else ""

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        if not self.keys or not name:
            return self.kept.save(name, content, max_length)
        # A name of its own each time, for each file has a key that belongs to its name.
        sealed = f"{name}.{secrets.token_hex(6)}{self.suffix}"
        reader = cast(Any, Sealing(content, self.keys[0], sealed))
        return self.kept.save(sealed, File(reader, sealed), max_length)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        found = _SEALED.fullmatch(name)
        if found is None:
            return self.kept.open(name, mode)
        key = self._find_key(found["key"], name)
        sealed = self.kept.open(name, "rb")
        try:
            raw = Unsealing(cast(Any, sealed), sealed.size, key, name)
        except BaseException:
            sealed.close()
            raise
        return File(io.BufferedReader(raw, SEGMENT), name)

    def _find_key(self, key_id: str, name: str) -> FileKey:
        for key in self.keys:
            if key.id == key_id:
                return key
        raise FileKeyMissing(
            f"The stored file {name} is encrypted with the key {key_id}, which is not among "
            "ARTIFACT_KEYS. Add that key at the end of the list."
        )

    def size(self, name: str) -> int:
        """Return how many bytes the content has. Raises: FileDamaged."""
        size = self.kept.size(name)
        return measure_content(size, name) if _SEALED.fullmatch(name) else size

    def exists(self, name: str) -> bool:
        return self.kept.exists(name)

    def delete(self, name: str) -> None:
        self.kept.delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        return self.kept.listdir(path)

    def path(self, name: str) -> str:
        return self.kept.path(name)

    def get_modified_time(self, name: str) -> datetime:
        return self.kept.get_modified_time(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return self.kept.get_available_name(name, max_length)


def plain_name_of(name: str) -> str:
    """Return the name that a file was given, without what encrypting it has added."""
    found = _SEALED.fullmatch(name)
    return found["plain"] if found else name
