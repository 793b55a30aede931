"""A client that never sends its request whole does not hold a connection."""

import contextlib
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.conftest import Serve
from workbench.process.deadlines import HEADER_SECONDS

pytestmark = pytest.mark.own_servers


def trickle(address: tuple[str, int], begin: bytes, byte: bytes) -> float:
    """Send a byte a half second; return after how many seconds the server closed."""
    began = time.monotonic()
    with socket.create_connection(address, timeout=5) as client, contextlib.suppress(OSError):
        client.sendall(begin)
        client.settimeout(0.5)
        while time.monotonic() - began < 3 * HEADER_SECONDS:
            client.sendall(byte)
            try:
                if not client.recv(100):
                    break
            except TimeoutError:
                continue
    return time.monotonic() - began


def test_headers_that_never_end_are_cut_off(serve: Serve) -> None:
    with serve() as server:
        parts = urlsplit(server.url)
        address = (str(parts.hostname), int(parts.port or 0))
        start = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
        took = trickle(address, start, b"a")
    assert HEADER_SECONDS - 1 < took < HEADER_SECONDS + 3


def test_a_second_request_on_a_connection_has_the_same_time(serve: Serve) -> None:
    with serve() as server:
        parts = urlsplit(server.url)
        address = (str(parts.hostname), int(parts.port or 0))
        whole = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        took = trickle(address, whole, b"G")
    assert HEADER_SECONDS - 1 < took < HEADER_SECONDS + 4
