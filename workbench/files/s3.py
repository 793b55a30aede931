"""Files in an S3-compatible store, of which no more than a part is in memory."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from workbench.files.errors import StoreAway
from workbench.files.places import S3Place

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART_BYTES = 8 * 1024 * 1024
BUFFER_BYTES = 256 * 1024
CONNECT_SECONDS, READ_SECONDS, TRIES = 5, 30, 3
_NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound"})


class S3FileStorage(S3Storage):  # type: ignore[misc] # it has no types
    """Objects of one bucket below a prefix. Nobody is given an address of the store.

    Every call raises StoreAway where the store does not answer or refuses.
    """

    def __init__(self, place: S3Place) -> None:
        self.where = place.label
        super().__init__(
            bucket_name=place.bucket,
            location=place.prefix,
            endpoint_url=place.endpoint or None,
            region_name=place.region or None,
            # A name is never given twice: what is there is kept.
            file_overwrite=False,
            # One part at a time, so that an upload takes the memory of one.
            transfer_config=TransferConfig(
                multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
            ),
            client_config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"max_attempts": TRIES, "mode": "standard"},
                s3={"addressing_style": "path" if place.endpoint else "auto"},
                # Stores other than Amazon's may not know the checksums that are sent by default.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def look(self) -> None:
        """Ask the store whether the bucket is there. Raises: StoreAway."""
        with self._asking():
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with self._asking(name):
            client = self.connection.meta.client
            wanted = {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}
            found = client.head_object(**wanted)

        def begin_at(start: int) -> IO[bytes]:
            # The very object that was opened, should it be replaced meanwhile.
            part = {"Range": f"bytes={start}-", "IfMatch": found["ETag"]}
            body: IO[bytes] = client.get_object(**wanted, **part)["Body"]
            return body

        raw = ObjectReader(begin_at, found["ContentLength"], lambda: self._asking(name))
        return File(io.BufferedReader(raw, BUFFER_BYTES), name)

    def _save(self, name: str, content: Any) -> str:
        with self._asking():
            saved: str = super()._save(name, content)
        return saved

    def exists(self, name: str) -> bool:
        with self._asking():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with self._asking():
            return int(super().size(name))

    def delete(self, name: str) -> None:
        with self._asking():
            super().delete(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with self._asking():
            folders, files = super().listdir(name)
        return folders, files

    @contextmanager
    def _asking(self, name: str = "") -> Iterator[None]:
        """Raises: StoreAway; FileNotFoundError for a ``name`` that is not there."""
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if name and code in _NOT_FOUND:
                raise FileNotFoundError(f"{self.where} has no {name}.") from error
            raise StoreAway(f"The artifact store {self.where} refuses: {error}") from error
        except (BotoCoreError, Boto3Error) as error:
            raise StoreAway(f"The artifact store {self.where} does not answer: {error}") from error


class ObjectReader(io.RawIOBase):
    """An object to read from any place; a new request is made only after a jump."""

    def __init__(
        self, begin_at: Callable[[int], IO[bytes]], size: int, asking: Callable[[], Any]
    ) -> None:
        super().__init__()
        self._begin_at, self._size, self._asking = begin_at, size, asking
        self._at = 0
        self._body: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        to = max(start + offset, 0)
        if to != self._at:
            self._let_go()
            self._at = to
        return to

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not len(view):
            return 0
        with self._asking():
            self._body = self._body or self._begin_at(self._at)
            part = self._body.read(len(view))
        if not part:
            raise StoreAway("The artifact store ended its answer early.")
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        self._let_go()
        super().close()
