"""A model server on loopback that answers as a test tells it to, and what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any


@dataclass
class Asked:
    """One request that the server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json


@dataclass
class ModelServer:
    """``answer`` is the body of each answer, or a function of the request that returns it."""

    address: str
    answer: Json = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    # Called instead of answering, with the handler.
    misbehave: Callable[[BaseHTTPRequestHandler], None] | None = None
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.address}/predict"

    def reset(self) -> None:
        self.answer, self.status, self.headers = {}, 200, {}
        self.media_type, self.misbehave = "application/json", None
        self.asked.clear()


class ServerBreaks(Exception):
    """Raised by a function that answers: this one request is answered with 500."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the answer waits for the other side to acknowledge its headers.
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def answer(self) -> None:
        server: ModelServer = self.server.model_server  # type: ignore[attr-defined]
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, json.loads(text) if text else None)
        server.asked.append(asked)
        try:
            if server.misbehave is not None:
                server.misbehave(self)
                return
            given = server.answer(asked) if callable(server.answer) else server.answer
            self.give(server, given if isinstance(given, bytes) else json.dumps(given).encode())
        except ServerBreaks:
            self.give(server, b'{"error": "It broke."}', status=500)
        except OSError:
            self.close_connection = True  # The client had enough of it.

    do_GET = do_POST = answer  # noqa: N815

    def give(self, server: ModelServer, body: bytes, *, status: int | None = None) -> None:
        self.send_response(status or server.status)
        headers = {"Content-Type": server.media_type, "Content-Length": str(len(body))}
        for name, value in {**headers, **server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def flood(handler: BaseHTTPRequestHandler) -> None:
    """Answer without end."""
    _begin(handler)
    for _ in range(2_000):
        handler.wfile.write(b"x" * 65_536)


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte now and then, so that no single read ever times out."""
    _begin(handler)
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def _begin(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True


@contextmanager
def serving_a_model() -> Iterator[ModelServer]:
    """Run a server on a free port until the block ends."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    server = ModelServer(f"127.0.0.1:{http.server_address[1]}")
    http.model_server = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
