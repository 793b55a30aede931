"""The server itself: HTTP, scripts, and counts."""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.language_server.asked import Asked, read_anthropic, read_openai
from tests.language_server.forms import make_anthropic, make_openai
from tests.language_server.scripts import Script, Turn

FORMS = {
    "/v1/chat/completions": (read_openai, make_openai),
    "/v1/messages": (read_anthropic, make_anthropic),
}


@dataclass
class LanguageServer:
    """A running server. ``requests`` counts what came and ``answered`` what was answered with 200,
    both by idempotency key; ``bodies`` and ``headers`` are those of the requests, in order.
    """

    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    default: Turn = field(default_factory=Turn)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def script(self, about: str, *turns: Turn) -> None:
        """Answer conversations that say ``about`` with these turns; the newest script first."""
        self.scripts.insert(0, Script(about, turns))

    def forget(self) -> None:
        """Begin anew, without scripts and counts."""
        for kept in (self.requests, self.answered, self.bodies, self.headers, self.scripts):
            kept.clear()

    def choose(self, asked: Asked, key: str) -> Turn:
        with self.lock:
            for script in self.scripts:
                if script.about in asked.words:
                    return script.choose(asked, key)
        return self.default


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the answer waits for the other side to acknowledge its headers.
    disable_nagle_algorithm = True
    language: LanguageServer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.give(200, {"object": "list", "data": [{"id": "tests", "object": "model"}]})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length or self.path not in FORMS:
            self.close_connection = True  # Its client was killed, or wants what there is not.
            return
        with suppress(OSError):  # A client that had enough, or was killed.
            self.answer(json.loads(content))

    def answer(self, body: Any) -> None:
        read, make = FORMS[self.path]
        key = self.headers.get("Idempotency-Key", "")
        with self.language.lock:
            self.language.requests[key] += 1
            self.language.bodies.append(body)
            self.language.headers.append({k.lower(): v for k, v in self.headers.items()})
        try:
            asked = read(body)
        except (KeyError, ValueError) as error:
            self.give(400, {"error": {"type": "invalid_request_error", "message": str(error)}})
            return
        turn = self.language.choose(asked, key)
        time.sleep(turn.delay_seconds)
        if turn.endless:
            self.give_endlessly()
        elif turn.raw is not None:
            self.send(turn.status, turn.raw, dict(turn.headers))
        elif turn.status != 200 or turn.body is not None:
            self.give(turn.status, turn.body, **turn.headers)
        else:
            with self.language.lock:
                self.language.answered[key] += 1
            self.give(200, make(asked, turn))

    def give(self, status: int, body: Any, **headers: str) -> None:
        self.send(status, json.dumps(body).encode(), headers)

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def give_endlessly(self) -> None:
        """Write until the client goes: a stream whose end never comes."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b'data: {"choices":[{"delta":{"content":"and so on "}}]}\n\n' * 512)


class _Server(ThreadingHTTPServer):
    # Hundreds of steps may ask at once.
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed while they waited."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def language_server(port: int = 0) -> Iterator[LanguageServer]:
    """Run a server until the block ends."""
    language = LanguageServer()
    handler = type("Bound", (Handler,), {"language": language})
    with _Server(("127.0.0.1", port), handler) as server:
        language.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield language
        finally:
            server.shutdown()
            thread.join()
