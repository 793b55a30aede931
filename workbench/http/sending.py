"""Responses that send a file part by part, or the range of it that was asked for (RFC 9110, 14)."""

import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import IO, Any, cast

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

CHUNK_BYTES = 64 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class SentFile(FileResponse):
    """A file that is in memory part by part: Django's own response would read it whole first."""

    block_size = CHUNK_BYTES

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self)
        while (part := await sync_to_async(lambda: next(parts, None))()) is not None:
            yield part


class _Part:
    """``size`` bytes of an open file from ``start`` on, to be read once."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._left = file, size
        file.seek(start)

    def read(self, size: int) -> bytes:
        taken = self._file.read(min(size, self._left))
        self._left -= len(taken)
        return taken

    def close(self) -> None:
        self._file.close()


def send_file(
    request: HttpRequest, open_file: Callable[[], IO[bytes]], *, size: int, digest: str, **how: Any
) -> HttpResponseBase:
    """Return the response that sends a file of ``size`` bytes, or the range that is asked for.

    ``digest`` names the content and is its ETag. ``how`` is what FileResponse takes. The file is
    opened only where something of it is sent.
    """
    etag = f'"{digest}"'
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    ends = _read_range(request, size, etag)
    if ends is not None and ends[0] > ends[1]:
        refused = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=refused)
    response = _answer(open_file(), ends, size, how)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    return response


def _answer(
    file: IO[bytes], ends: tuple[int, int] | None, size: int, how: dict[str, Any]
) -> SentFile:
    if ends is None:
        return SentFile(cast(Any, file), **how)
    start, end = ends
    response = SentFile(cast(Any, _Part(file, start, end - start + 1)), **how)
    response.status_code = HTTPStatus.PARTIAL_CONTENT
    response["Content-Length"] = str(end - start + 1)
    response["Content-Range"] = f"bytes {start}-{end}/{size}"
    return response


def _read_range(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Return the first and the last byte that are asked for; None to send the whole file.

    The first is behind the last where the file has no such range. Several ranges, and what cannot
    be read, ask for the whole file.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if found is None or found[0] == "bytes=-" or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = found[1], found[2]
    if not first:
        return (max(size - int(last), 0), size - 1) if int(last) else (1, 0)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return 1, 0
    return int(first), min(int(last or size - 1), size - 1)
