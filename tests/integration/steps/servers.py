"""Real HTTP servers on loopback that behave badly in one way each."""

import json
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """A running server and the requests it got: method, path, headers, body."""

    host: str
    port: int
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def answer(self) -> None:
        service: Service = self.server.service  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.requests.append((self.command, self.path, headers, body))
        name = self.path.partition("?")[0].strip("/").replace("-", "_")
        try:
            getattr(self, f"play_{name}", self.play_missing)()
        except OSError:
            self.close_connection = True  # The client had enough of it.

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def give(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def play_missing(self) -> None:
        self.give(404, b"no such thing")

    def play_json(self) -> None:
        body = json.dumps({"score": 0.5, "name": "Müller"}).encode()
        self.give(200, body, Content_Type="application/json", Set_Cookie="session=1")

    def play_problem(self) -> None:
        self.give(200, b'{"a": 1}', Content_Type="application/problem+json; charset=utf-8")

    def play_text(self) -> None:
        self.give(200, "Müller\0".encode("latin-1"), Content_Type="text/plain; charset=latin-1")

    def play_broken_json(self) -> None:
        self.give(200, b'{"score": NaN}', Content_Type="application/json")

    def play_blank_json(self) -> None:
        self.give(200, b" \n", Content_Type="application/json")

    def play_nested(self) -> None:
        self.give(200, b"[" * 300_000, Content_Type="application/json")

    def play_large_number(self) -> None:
        self.give(200, b'{"id": 9007199254740993}', Content_Type="application/json")

    def play_nothing(self) -> None:
        self.give(204)

    def play_error(self) -> None:
        self.give(500, b"out of order")

    def play_busy(self) -> None:
        self.give(429, b"later", Retry_After="120")

    def play_closed(self) -> None:
        self.give(503, b"later", Retry_After="Tue, 10 Mar 2026 10:00:30 GMT")

    def play_bad_request(self) -> None:
        self.give(400, b"amount is missing")

    def play_redirect(self) -> None:
        self.give(302, b"", Location="http://169.254.169.254/latest/meta-data")

    def play_slow(self) -> None:
        """Answer later than a client with a short limit waits for."""
        time.sleep(1.5)
        self.give(200, b"late")

    def play_trickle(self) -> None:
        """Send a byte now and then, so that no single read ever times out."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b".")
            self.wfile.flush()
            time.sleep(0.05)

    def play_flood(self) -> None:
        """Send without end and without saying how much."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(2_000):
            self.wfile.write(b"x" * 65_536)

    def play_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (b'{"parts":', b" [1, 2", b", 3]}"):
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def play_bomb(self) -> None:
        """Send 2 GB as 2 MB, packed although nobody asked for that."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(2_000):
            self.wfile.write(packer.compress(b"\0" * 1_000_000))
        self.wfile.write(packer.flush())

    def play_hang_up(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.wfile.flush()
        self.close_connection = True


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Service]:
    """Run a server on a free port until the block ends."""
    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    service = Service(host, server.server_address[1])
    server.service = service  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
