"""A file is sent whole, or in the range that is asked for."""

import asyncio
import hashlib
import io
from typing import Any

import pytest
from django.test import RequestFactory

from workbench.http.sending import CHUNK_BYTES, SentFile, send_file

CONTENT = bytes(range(256)) * 1000
SIZE, DIGEST = len(CONTENT), hashlib.sha256(CONTENT).hexdigest()


def send(content: bytes = CONTENT, **headers: Any) -> Any:
    request = RequestFactory().get("/", headers=headers)
    return send_file(
        request, lambda: io.BytesIO(content), size=len(content), digest=DIGEST, filename="a.mp3"
    )


def test_a_file_is_sent_whole() -> None:
    answer = send()
    assert answer.status_code == 200
    assert (answer["Accept-Ranges"], answer["ETag"]) == ("bytes", f'"{DIGEST}"')
    assert answer["Content-Length"] == str(SIZE)
    assert answer.getvalue() == CONTENT


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=70000-140000", 70000, 140000),
        ("bytes=255999-", SIZE - 1, SIZE - 1),
        ("bytes=255000-999999", 255000, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        ("bytes=-999999", 0, SIZE - 1),
        ("bytes = 5 - 9", 5, 9),
    ],
)
def test_a_range_is_sent_alone(wanted: str, first: int, last: int) -> None:
    answer = send(Range=wanted)
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer["Content-Length"] == str(last - first + 1)
    assert answer.getvalue() == CONTENT[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_that_is_not_there_is_refused(wanted: str) -> None:
    answer = send(Range=wanted)
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "wanted", ["bytes=-", "bytes=9-5", "bytes=0-1,5-6", "rows=1-2", "bytes=a-b", "bytes=1"]
)
def test_what_is_no_single_range_gets_the_whole_file(wanted: str) -> None:
    assert send(Range=wanted).status_code == 200


def test_an_empty_file_has_no_range() -> None:
    assert send(b"").getvalue() == b""
    assert send(b"", Range="bytes=0-").status_code == 416


def test_a_range_of_another_content_gets_the_whole_file() -> None:
    headers: dict[str, Any] = {"Range": "bytes=0-0", "If-Range": '"another"'}
    assert send(CONTENT, **headers).status_code == 200
    assert send(CONTENT, **headers | {"If-Range": f'"{DIGEST}"'}).status_code == 206


def test_what_a_browser_has_is_not_sent_again() -> None:
    answer = send(CONTENT, **{"If-None-Match": f'"{DIGEST}"'})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_file_is_read_as_it_is_sent() -> None:
    """On the asynchronous server too, where Django's own response reads the file whole first."""
    file = io.BytesIO(CONTENT)

    async def read_one() -> int:
        parts = SentFile(file).__aiter__()
        assert await anext(parts) == CONTENT[:CHUNK_BYTES]
        return file.tell()

    assert asyncio.run(read_one()) == CHUNK_BYTES
