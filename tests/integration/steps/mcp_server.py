"""A small MCP server on loopback, whose answer to the call of a tool tests write."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any


def stream(*messages: Json, newline: str = "\n") -> bytes:
    """Return the messages as a stream of events, one of which has two lines of data."""
    events = []
    for message in messages:
        lines = json.dumps(message, indent=1).split("\n")
        events.append(newline.join(["event: message", *(f"data: {line}" for line in lines)]))
    return (": hello" + newline * 2 + (newline * 2).join(events) + newline * 2).encode()


@dataclass
class McpServer:
    """Answers ``initialize``, and each call by ``answer``, which gets the request's message.

    ``requests`` are the methods with headers and messages, in order. ``session`` is the id that it
    gives and then asks for.
    """

    port: int = 0
    session: str = ""
    revision: str = "2025-06-18"
    hello: bytes | None = None
    hello_status: int = 200
    answer: Callable[[Json], Json] = lambda message: {"content": [{"type": "text", "text": "ok"}]}
    raw: bytes | None = None
    status: int = 200
    media_type: str = "application/json"
    more_headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False
    requests: list[tuple[str, dict[str, str], Json]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/mcp"

    @property
    def methods(self) -> list[str]:
        return [(message or {}).get("method", verb) for verb, _, message in self.requests]

    def headers_of(self, method: str) -> dict[str, str]:
        return self.requests[self.methods.index(method)][1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    mcp: McpServer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_DELETE(self) -> None:
        self.note(None)
        self.give(405, b"")

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.note(message)
        mcp = self.mcp
        if message["method"] == "initialize":
            result = {"protocolVersion": mcp.revision, "capabilities": {}, "serverInfo": {}}
            reply = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
            session = {"Mcp-Session-Id": mcp.session} if mcp.session else {}
            self.give(mcp.hello_status, mcp.hello or reply, session)
        elif mcp.session and self.headers.get("Mcp-Session-Id") != mcp.session:
            self.give(404, b"")
        elif "id" not in message:
            self.give(202, b"")
        elif mcp.endless:
            self.go_on_and_on()
        else:
            whole = {"jsonrpc": "2.0", "id": message["id"], "result": mcp.answer(message)}
            self.give(mcp.status, mcp.raw or json.dumps(whole).encode(), mcp.more_headers)

    def note(self, message: Json) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.mcp.requests.append((self.command, headers, message))

    def give(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self.mcp.media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def go_on_and_on(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            while True:
                self.wfile.write(b": still here\n\n")
                time.sleep(0.02)


@contextmanager
def mcp_server() -> Iterator[McpServer]:
    mcp = McpServer()
    handler = type("Bound", (Handler,), {"mcp": mcp})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    mcp.port = server.server_port
    running = threading.Thread(target=server.serve_forever, daemon=True)
    running.start()
    try:
        yield mcp
    finally:
        server.shutdown()
        server.server_close()
